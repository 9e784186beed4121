/** connectors/opensearch, run by Redpanda Connect between a bridge's projection and a recorder of the bulk interface. */
import { setTimeout as pause } from "node:timers/promises";
import { beforeAll, expect, it, vi } from "vitest";
import { describeWith } from "../hosts/describe-with.ts";
import { startRedpandaConnect } from "../hosts/redpanda-connect.ts";
import { BulkRecorder } from "./bulk-recorder.ts";
import { Feed, sinkDownMs } from "./feed.ts";

const sink = "opensearch";
const config = "opensearch/redpanda-connect.yaml";
const projecting = { "events.projections": "ecs" };
/** Visits of a test; three events each. */
const visits = 5;
vi.setConfig({ testTimeout: 60_000 + sinkDownMs });

async function recording(feed: Feed) {
  const store = await BulkRecorder.start();
  const env = feed.env({
    OPENSEARCH_URLS: store.sink.url,
    OPENSEARCH_AUTH: "true",
    OPENSEARCH_USERNAME: "sluice",
    OPENSEARCH_PASSWORD: store.password,
  });
  const sawAll = (ids: readonly string[]): Promise<void> => {
    const missing = (): string[] => ids.filter((id) => !store.ids.includes(id));
    return store.sink.until(
      () => missing().length === 0,
      () => `${missing().length} of ${ids.length} documents did not come`,
    );
  };
  return { store, env, sawAll };
}

describeWith(["kafka", "redpanda-connect"], "OpenSearch and Elasticsearch, by their bulk interface", () => {
  let feed: Feed;
  beforeAll(async () => {
    feed = await Feed.start([sink], projecting);
  });

  it("every event is one document of its day under its id, though it is written again after a kill", async () => {
    const { store, env, sawAll } = await recording(feed);
    const ids = await feed.visits(visits);
    store.sink.mute = true;
    const engine = await startRedpandaConnect(config, env);
    await store.sink.until(
      () => store.ids.length > 0,
      () => "no document came",
    );
    await engine.kill();
    const unanswered = store.ids.length;
    store.sink.mute = false;
    await engine.start();
    await store.sink.until(
      () => store.repeated >= unanswered,
      () => `only ${store.repeated} of ${unanswered} documents were written again`,
    );
    await sawAll(ids);
    await engine.stop();
    expect(store.refusals).toEqual([]);
    for (const id of ids) {
      const found = [...store.documents.values()].filter((one) => one.id === id);
      const { event } = feed.topics.events.find((record) => record.event.id === id)!;
      const index = `sluice-${event.time.slice(0, 10).replaceAll("-", ".")}`;
      expect(found).toMatchObject([{ index, source: { event: { id }, "@timestamp": expect.any(String) } }]);
    }
  });

  it("a document that does not fit goes to the dead letters once, one that finds a queue full is tried again", async () => {
    const own = await Feed.start([sink], projecting);
    const { store, env, sawAll } = await recording(own);
    const [unfit, late, ...rest] = await own.visits(visits);
    let turnedAway = 0;
    store.refuses = ({ id }) => {
      if (id === unfit) return { status: 400, type: "mapper_parsing_exception", reason: "no such number" };
      if (id !== late || ++turnedAway > 2) return undefined;
      return { status: 429, type: "es_rejected_execution_exception", reason: "queue full" };
    };
    await own.put("ecs", ["not JSON", '{"@timestamp":"2026-11-21T10:00:00.000Z"}']);
    const engine = await startRedpandaConnect(config, env);
    await sawAll([late!, ...rest]);
    const letters = await own.deadLetters(sink, 3);
    await engine.stop();
    expect(letters.map(({ headers }) => headers.dead_letter_reason).sort()).toEqual([
      "mapper_parsing_exception: no such number",
      "no event.id",
      "not a JSON object",
    ]);
    expect(await own.deadLetterCount(sink)).toBe(3);
    expect(store.ids).not.toContain(unfit);
  });

  it(`the store away for ${sinkDownMs} ms, and then with another password, loses nothing`, async () => {
    const { store, env, sawAll } = await recording(feed);
    await store.sink.down();
    const engine = await startRedpandaConnect(config, env);
    const ids = await feed.visits(visits);
    await engine.log.saw(/connection refused/);
    await pause(sinkDownMs);
    store.sink.outOfOrder = { status: 401, body: '{"error":{"type":"security_exception"},"status":401}' };
    await store.sink.up();
    await engine.log.saw(/level=warning.*security_exception/);
    store.sink.outOfOrder = undefined;
    await sawAll(ids);
    await engine.stop();
    expect(await feed.deadLetterCount(sink)).toBe(0);
  });
});
