/** connectors/webhook, run by Redpanda Connect between a bridge's topics and a strict receiver. */
import { setTimeout as pause } from "node:timers/promises";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { describeWith } from "../hosts/describe-with.ts";
import { startRedpandaConnect } from "../hosts/redpanda-connect.ts";
import { committing, Feed, sinkDownMs } from "./feed.ts";
import { WebhookRecorder } from "./webhook-recorder.ts";

const sink = "webhook";
const configs = [
  { way: "an event a request", config: "webhook/redpanda-connect.yaml" },
  { way: "a batch a request", config: "webhook/redpanda-connect-batches.yaml" },
];
/** Visits of a test; three events each. */
const visits = 10;
vi.setConfig({ testTimeout: 60_000 + sinkDownMs });

async function recording(feed: Feed) {
  const receiver = await WebhookRecorder.start();
  const env = feed.env({ WEBHOOK_URL: `${receiver.sink.url}/hook`, WEBHOOK_SECRET: receiver.secret });
  const sawAll = (ids: readonly string[]): Promise<void> => {
    const missing = (): string[] => ids.filter((id) => !receiver.ids.includes(id));
    return receiver.sink.until(
      () => missing().length === 0,
      () => `${missing().length} of ${ids.length} events did not come`,
    );
  };
  return { receiver, env, sawAll };
}

const distinct = (ids: readonly string[]): string[] => [...new Set(ids)];

describeWith(["kafka", "redpanda-connect"], "a webhook", () => {
  let feed: Feed;
  beforeAll(async () => {
    feed = await Feed.start([sink]);
  });

  describe.each(configs)("$way", ({ config, way }) => {
    const alone = way === configs[0]!.way;

    it("every event arrives once, signed, as it is on the topic, over a stop and a start too", async () => {
      const { receiver, env, sawAll } = await recording(feed);
      const before = await feed.visits(visits);
      const engine = await startRedpandaConnect(config, { ...env, ...committing });
      await sawAll(before);
      await engine.restart();
      const after = await feed.visits(visits);
      await sawAll(after);
      await engine.stop();

      expect(receiver.refusals).toEqual([]);
      expect(receiver.ids).toEqual(distinct(receiver.ids));
      const { length } = receiver.received;
      expect(alone ? length === receiver.ids.length : length < receiver.ids.length).toBe(true);
      for (const { events, text } of receiver.received) {
        for (const event of events) {
          const record = feed.topics.events.find((one) => one.event.id === event.id)!;
          expect(event).toEqual(record.event);
          if (alone) expect(text).toBe(record.value);
        }
      }
      expect(await feed.deadLetterCount(sink)).toBe(0);
    });

    it("what is no event, and what the receiver refuses, lies in the dead letters with the reason; the rest arrives", async () => {
      const own = await Feed.start([sink]);
      const { receiver, env, sawAll } = await recording(own);
      const [refused, ...rest] = await own.visits(visits);
      receiver.refuses = ({ id }) => id === refused;
      await own.put("user-sessions", ["not JSON", '{"specversion":"1.0"}']);
      const engine = await startRedpandaConnect(config, env);
      await sawAll(rest);
      const letters = await own.deadLetters(sink, 3);
      await engine.stop();
      expect(letters.map(({ headers }) => headers.dead_letter_reason).sort()).toEqual([
        "HTTP request returned unexpected response code (422): 422 Unprocessable Entity, Error: an event that is not wanted",
        "no id",
        "not a JSON object",
      ]);
      expect(receiver.ids.sort()).toEqual(rest.sort());
    });

    it("a record that only compressed fits into Kafka's limit, and that the receiver refuses, lies there too", async () => {
      const own = await Feed.start([sink]);
      const { receiver, env, sawAll } = await recording(own);
      receiver.refuses = ({ id }) => id === "large";
      const rest = await own.visits(1);
      const event = (id: string) => ({ specversion: "1.0", id, source: "/by-hand", type: "by.hand" });
      const large = JSON.stringify({ ...event("large"), data: "x".repeat(1_300_000) });
      await own.put("user-sessions", [large, JSON.stringify(event("behind"))]);
      const engine = await startRedpandaConnect(config, env);
      const [letter] = await own.deadLetters(sink, 1);
      await sawAll([...rest, "behind"]);
      await engine.stop();
      expect(letter!.value === large).toBe(true);
    });

    it(`the receiver away for ${sinkDownMs} ms, and then busy, loses nothing`, async () => {
      const { receiver, env, sawAll } = await recording(feed);
      await receiver.sink.down();
      const engine = await startRedpandaConnect(config, env);
      const ids = await feed.visits(visits);
      await engine.log.saw(/connection refused/);
      await pause(sinkDownMs);
      receiver.sink.outOfOrder = { status: 429, headers: { "retry-after": "1" } };
      await receiver.sink.up();
      await receiver.sink.until(
        () => receiver.sink.answered.length > 2,
        () => "three attempts did not come",
      );
      receiver.sink.outOfOrder = undefined;
      await sawAll(ids);
      await engine.stop();
      expect(receiver.sink.answered.slice(0, 3)).toEqual([429, 429, 429]);
      expect(receiver.ids).toEqual(distinct(receiver.ids));
      expect(await feed.deadLetterCount(sink)).toBe(0);
    });

    it("killed while the receiver has events that it has not answered, the engine sends them again, each under its id", async () => {
      const { receiver, env, sawAll } = await recording(feed);
      const ids = await feed.visits(2);
      receiver.sink.mute = true;
      const engine = await startRedpandaConnect(config, env);
      await receiver.sink.until(
        () => receiver.ids.length > 0,
        () => "no event came",
      );
      await engine.kill();
      const unanswered = [...receiver.ids];
      receiver.sink.mute = false;
      await engine.start();
      await receiver.sink.until(
        () => unanswered.every((id) => receiver.ids.filter((one) => one === id).length > 1),
        () => "what was not answered did not come again",
      );
      await sawAll(ids);
      await engine.stop();
      expect(receiver.refusals).toEqual([]);
    });

    it("nothing leaves unsigned when the secret is none", async () => {
      const { receiver, env, sawAll } = await recording(feed);
      const ids = await feed.visits(1);
      const engine = await startRedpandaConnect(config, { ...env, WEBHOOK_SECRET: "whsec_$ecret" });
      await engine.log.saw(/WEBHOOK_SECRET/);
      await engine.stop();
      expect(engine.log.lines.join()).not.toContain("$ecret");
      expect(receiver.sink.taken).toBe(0);
      const mended = await startRedpandaConnect(config, env);
      await sawAll(ids);
      await mended.stop();
      expect(await feed.deadLetterCount(sink)).toBe(0);
    });

    it("a secret that the receiver does not know is said and tried again, and no event is set aside or lost", async () => {
      const { receiver, env, sawAll } = await recording(feed);
      const ids = await feed.visits(1);
      const other = `whsec_${Buffer.from("another secret").toString("base64")}`;
      const engine = await startRedpandaConnect(config, { ...env, WEBHOOK_SECRET: other });
      await engine.log.saw(/level=warning.*401.*not signed with the secret/);
      await engine.stop();
      expect(receiver.ids).toEqual([]);
      const mended = await startRedpandaConnect(config, env);
      await sawAll(ids);
      await mended.stop();
      expect(await feed.deadLetterCount(sink)).toBe(0);
    });
  });
});
