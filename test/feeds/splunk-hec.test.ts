/** connectors/splunk-hec, run by Redpanda Connect between a bridge's topics and a strict collector. */
import { setTimeout as pause } from "node:timers/promises";
import { beforeAll, expect, it, vi } from "vitest";
import { describeWith } from "../hosts/describe-with.ts";
import { startRedpandaConnect } from "../hosts/redpanda-connect.ts";
import { committing, Feed, sinkDownMs } from "./feed.ts";
import { HecRecorder } from "./hec-recorder.ts";

const sink = "splunk-hec";
const config = "splunk-hec/redpanda-connect.yaml";
/** Visits of a test; three events each. */
const visits = 10;
vi.setConfig({ testTimeout: 60_000 + sinkDownMs });

async function recording(feed: Feed, more: Readonly<Record<string, string>> = {}) {
  const splunk = await HecRecorder.start();
  const env = feed.env({
    SPLUNK_HEC_URL: splunk.sink.url,
    SPLUNK_HEC_TOKEN: splunk.token,
    SPLUNK_INDEX: "sluice",
    ...more,
  });
  const sawAll = (ids: readonly string[]): Promise<void> => {
    const missing = (): string[] => ids.filter((id) => !splunk.ids.includes(id));
    return splunk.sink.until(
      () => missing().length === 0,
      () => `${missing().length} of ${ids.length} events did not come`,
    );
  };
  return { splunk, env, sawAll };
}

const distinct = (ids: readonly string[]): string[] => [...new Set(ids)];

describeWith(["kafka", "redpanda-connect"], "Splunk, by its HTTP Event Collector", () => {
  let feed: Feed;
  beforeAll(async () => {
    feed = await Feed.start([sink]);
  });

  it("every event arrives once and as it is, with its time, host and id, over a stop and a start too", async () => {
    const { splunk, env, sawAll } = await recording(feed);
    const before = await feed.visits(visits);
    const engine = await startRedpandaConnect(config, { ...env, ...committing });
    await sawAll(before);
    await engine.restart();
    const after = await feed.visits(visits);
    await sawAll(after);
    await engine.stop();

    expect(splunk.refusals).toEqual([]);
    expect(splunk.ids).toEqual(distinct(splunk.ids));
    for (const id of [...before, ...after]) {
      const { event } = feed.topics.events.find((record) => record.event.id === id)!;
      expect(splunk.events.find((one) => one.event.id === id)).toEqual({
        time: Date.parse(event.time) / 1000,
        host: "frps",
        source: "/frp/frps",
        sourcetype: "sluice:event",
        index: "sluice",
        event,
        fields: { event_id: id, event_type: event.type },
      });
    }
    expect(await feed.deadLetterCount(sink)).toBe(0);
  });

  it("what is no event, and what Splunk refuses, lies in the dead letters with the reason; the rest arrives", async () => {
    const own = await Feed.start([sink]);
    const { splunk, env, sawAll } = await recording(own);
    const [refused, ...rest] = await own.visits(visits);
    splunk.refuses = ({ event }) => event.id === refused;
    const { value, partition, offset } = own.topics.events.find(({ event }) => event.id === refused)!;
    const poison = ["not JSON", "[1]", '{"time":"2026-11-21T10:00:00Z"}', '{"id":"1","time":"yesterday"}'];
    await own.put("user-sessions", poison);
    const engine = await startRedpandaConnect(config, env);
    await sawAll(rest);
    const letters = await own.deadLetters(sink, poison.length + 1);
    await engine.stop();

    const said = "HTTP request returned unexpected response code (400): 400 Bad Request, Error: ";
    expect(new Map(letters.map((letter) => [letter.value, letter.headers.dead_letter_reason]))).toEqual(
      new Map([
        [poison[0], "not a JSON object"],
        [poison[1], "not a JSON object"],
        [poison[2], "no id"],
        [poison[3], "no time"],
        [value, `${said}{"text":"Invalid data format","code":6}`],
      ]),
    );
    expect(letters.find((letter) => letter.value === value)?.headers).toMatchObject({
      ce_id: refused,
      dead_letter_topic: `${own.prefix}user-sessions`,
      dead_letter_partition: String(partition),
      dead_letter_offset: String(offset),
    });
    expect(letters).toHaveLength(poison.length + 1);
    expect(splunk.ids).not.toContain(refused);
    // Of the batch that is refused, Splunk has what stands before the one it does not take.
    expect(distinct(splunk.ids)).toEqual(expect.arrayContaining(rest));
  });

  it("without a topic for dead letters poison is kept, and said, until there is one", async () => {
    const own = await Feed.start([]);
    const { env } = await recording(own);
    await own.put("user-sessions", ["not JSON"]);
    const engine = await startRedpandaConnect(config, env);
    await engine.log.saw(/level=warning.*Failed to send message.*UNKNOWN_TOPIC_OR_PARTITION/);
    await own.makeDeadLetters(sink);
    const [letter] = await own.deadLetters(sink, 1);
    await engine.stop();
    expect(letter).toMatchObject({ key: "by-hand", value: "not JSON" });
  });

  it(`Splunk away for ${sinkDownMs} ms, and then busy, loses nothing`, async () => {
    const { splunk, env, sawAll } = await recording(feed);
    await splunk.sink.down();
    const engine = await startRedpandaConnect(config, env);
    const ids = await feed.visits(visits);
    await engine.log.saw(/connection refused/);
    await pause(sinkDownMs);
    splunk.sink.outOfOrder = HecRecorder.busy;
    await splunk.sink.up();
    await splunk.sink.until(
      () => splunk.sink.answered.length > 2,
      () => "three attempts did not come",
    );
    splunk.sink.outOfOrder = undefined;
    await sawAll(ids);
    await engine.stop();
    expect(splunk.sink.answered.slice(0, 3)).toEqual([503, 503, 503]);
    expect(splunk.refusals).toEqual([]);
    expect(splunk.ids).toEqual(distinct(splunk.ids));
    expect(await feed.deadLetterCount(sink)).toBe(0);
  });

  it("killed while Splunk has events that it has not acknowledged, the engine sends them again under their ids", async () => {
    const { splunk, env, sawAll } = await recording(feed);
    const ids = await feed.visits(visits);
    splunk.sink.mute = true;
    const engine = await startRedpandaConnect(config, env);
    await splunk.sink.until(
      () => splunk.ids.length > 0,
      () => "no event came",
    );
    await engine.kill();
    const unacknowledged = [...splunk.ids];
    splunk.sink.mute = false;
    await engine.start();
    await splunk.sink.until(
      () => unacknowledged.every((id) => splunk.ids.filter((one) => one === id).length > 1),
      () => "what was not acknowledged did not come again",
    );
    await sawAll(ids);
    await engine.stop();
    expect(splunk.refusals).toEqual([]);
    expect(splunk.events.every(({ event, fields }) => fields.event_id === event.id)).toBe(true);
  });

  it.each([
    [
      "a token that Splunk does not take",
      "403",
      (splunk: HecRecorder) => {
        splunk.takesToken = false;
      },
    ],
    [
      "an index that it may not write to",
      "Incorrect index",
      (splunk: HecRecorder) => {
        splunk.indexes.clear();
      },
    ],
  ])("%s is said and tried again, and no event is set aside or lost", async (_, said, spoil) => {
    const { splunk, env, sawAll } = await recording(feed);
    const ids = await feed.visits(1);
    spoil(splunk);
    const engine = await startRedpandaConnect(config, env);
    await engine.log.saw(new RegExp(`level=warning.*${said}`));
    await splunk.sink.until(
      () => splunk.refusals.length > 2,
      () => "three attempts did not come",
    );
    expect(splunk.ids).toEqual([]);
    splunk.takesToken = true;
    splunk.indexes.add("sluice");
    await sawAll(ids);
    await engine.stop();
    expect(await feed.deadLetterCount(sink)).toBe(0);
  });
});
