/** connectors/s3, run by Redpanda Connect between a bridge's topics and a recorder of a bucket. */
import { setTimeout as pause } from "node:timers/promises";
import { beforeAll, expect, it, vi } from "vitest";
import { describeWith } from "../hosts/describe-with.ts";
import { startRedpandaConnect } from "../hosts/redpanda-connect.ts";
import { BucketRecorder } from "./bucket-recorder.ts";
import { Feed, sinkDownMs } from "./feed.ts";

const sink = "s3";
const config = "s3/redpanda-connect.yaml";
/** Visits of a test; three events each. */
const visits = 5;
vi.setConfig({ testTimeout: 60_000 + sinkDownMs });

async function recording(feed: Feed) {
  const store = await BucketRecorder.start();
  const env = feed.env({
    S3_BUCKET: store.bucket,
    S3_ENDPOINT: store.sink.url,
    S3_PATH_STYLE: "true",
    S3_ACCESS_KEY_ID: store.keyId,
    S3_SECRET_ACCESS_KEY: "the key of the bucket",
    OBJECT_PERIOD: "500ms",
  });
  const sawAll = (ids: readonly string[]): Promise<void> => {
    const missing = (): string[] => ids.filter((id) => !store.ids.includes(id));
    return store.sink.until(
      () => missing().length === 0,
      () => `${missing().length} of ${ids.length} events did not come`,
    );
  };
  return { store, env, sawAll };
}

describeWith(["kafka", "redpanda-connect"], "a bucket", () => {
  let feed: Feed;
  beforeAll(async () => {
    feed = await Feed.start([sink]);
  });

  it("every event is a line, as it is on the topic, in objects named for its topic and day", async () => {
    const { store, env, sawAll } = await recording(feed);
    const ids = await feed.visits(visits);
    const engine = await startRedpandaConnect(config, env);
    await sawAll(ids);
    await engine.stop();
    expect(store.refusals).toEqual([]);
    const name = /^sluice\/topic=([a-z-]+)\/day=(\d{4}-\d\d-\d\d)\/(\d+)-(\d{20})-(\d{20})\.ndjson\.gz$/;
    for (const key of store.objects.keys()) {
      const [, topic, day, partition, first, last] = name.exec(key) ?? [];
      const lines = store.linesOf(key);
      const records = lines.map((line) => feed.topics.events.find(({ value }) => value === line)!);
      expect(records.map((record) => record.topic)).toEqual(lines.map(() => feed.prefix + topic));
      expect(records.map(({ event }) => event.time.slice(0, 10))).toEqual(lines.map(() => day));
      expect([records[0]!.offset, records.at(-1)!.offset]).toEqual([Number(first), Number(last)]);
      expect(records.every((record) => record.partition === Number(partition))).toBe(true);
    }
  });

  it("what is no event lies in the dead letters, events of two days in two objects, and the rest arrives", async () => {
    const own = await Feed.start([sink]);
    const { store, env, sawAll } = await recording(own);
    const ids = await own.visits(visits);
    const day = (id: string, time: string): string => JSON.stringify({ id, time });
    const two = [day("a", "2026-11-20T23:59:59.999Z"), day("b", "2026-11-21T00:00:00.000Z")];
    await own.put("user-sessions", ["not JSON", ...two, '{"id":"c"}']);
    const engine = await startRedpandaConnect(config, env);
    await sawAll([...ids, "a", "b"]);
    const letters = await own.deadLetters(sink, 2);
    await engine.stop();
    expect(letters.map(({ headers }) => headers.dead_letter_reason)).toEqual([
      "not a JSON object",
      "no time",
    ]);
    const objectOf = (id: string): string | undefined =>
      [...store.objects.keys()].find((key) => store.linesOf(key).some((line) => JSON.parse(line).id === id));
    expect([objectOf("a"), objectOf("b")]).toEqual([
      expect.stringContaining("/day=2026-11-20/"),
      expect.stringContaining("/day=2026-11-21/"),
    ]);
  });

  it(`the store away for ${sinkDownMs} ms, and then with another key, loses nothing`, async () => {
    const { store, env, sawAll } = await recording(feed);
    await store.sink.down();
    const engine = await startRedpandaConnect(config, env);
    const ids = await feed.visits(visits);
    await engine.log.saw(/connection refused/);
    await pause(sinkDownMs);
    store.sink.outOfOrder = { status: 403, body: "<Error><Code>InvalidAccessKeyId</Code></Error>" };
    await store.sink.up();
    await engine.log.saw(/level=warning.*InvalidAccessKeyId/);
    store.sink.outOfOrder = undefined;
    await sawAll(ids);
    await engine.stop();
    expect(await feed.deadLetterCount(sink)).toBe(0);
  });

  it("killed before an object is acknowledged, the engine puts the events again", async () => {
    const { store, env, sawAll } = await recording(feed);
    const ids = await feed.visits(visits);
    store.sink.mute = true;
    const engine = await startRedpandaConnect(config, env);
    await store.sink.until(
      () => store.objects.size > 0,
      () => "no object came",
    );
    await engine.kill();
    // What was not acknowledged may not be there.
    store.objects.clear();
    store.sink.mute = false;
    await engine.start();
    await sawAll(ids);
    await engine.stop();
    expect(store.refusals).toEqual([]);
  });
});
