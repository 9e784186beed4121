/** The projections of what a frps and a prox really sent, on a real Kafka. */
import { expect, it } from "vitest";
import { projectionNames } from "../../src/events/index.ts";
import { sluice } from "../cli/sluice.ts";
import { connectProblems, ecsProblems, ocsfProblems } from "../events/projection-judges.ts";
import { frpCalls, frpSession, proxSession } from "../fixtures.ts";
import { startBridge } from "../hosts/bridge.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { sharedKafka } from "../hosts/shared.ts";
import { TopicEvents } from "../hosts/topic-events.ts";
import { makeDir } from "../journal/harness.ts";
import { countOf, type ReadRecord, readTopics } from "../kafka/kafka-reading.ts";
import { PluginProcess } from "../prox/plugin-process.ts";
import { Talk } from "../prox/talk.ts";
import { toKafka } from "./stack.ts";

// biome-ignore lint/suspicious/noExplicitAny: a record's value, parsed, as its reader sees it
type Projected = any;

const judges: Readonly<Record<string, (value: Projected) => string[]>> = {
  ocsf: ocsfProblems,
  ecs: ecsProblems,
  flat: connectProblems,
  "flat-sessions": connectProblems,
};
const idIn: Readonly<Record<string, (value: Projected) => string>> = {
  ocsf: ({ metadata }) => metadata.uid,
  ecs: ({ event }) => event.id,
  flat: ({ payload }) => payload.event_id,
  "flat-sessions": ({ payload }) => payload.event_id,
};

describeWith(["kafka"], "projections", () => {
  it("of all that a frps and a prox sent stand on their topics, under each event's key and id", async () => {
    const brokers = await sharedKafka();
    const kafka = { ...toKafka(brokers), "kafka.partitions": 2 };
    const settings = { ...kafka, "events.projections": projectionNames.join(",") };
    const prefix = kafka["kafka.topicPrefix"];
    const bridge = await startBridge(settings);
    await bridge.log.saw(/topics created/, { timeoutMs: 60_000 });
    const plugin = new PluginProcess({ cwd: makeDir(), settings });
    const talk = await Talk.to(await plugin.ready());
    await using topics = await TopicEvents.read(brokers, prefix);

    for (const { op, reqid, rawBody } of [...frpCalls, ...frpSession]) {
      const headers = { "X-Frp-Reqid": reqid, "Content-Type": "application/json" };
      await fetch(`${bridge.url}?op=${op}&version=0.1.0`, { method: "POST", headers, body: rawBody });
    }
    talk.send(...proxSession.map(({ frame }) => frame));
    await talk.take(proxSession.filter(({ reply }) => reply !== null).length);
    await bridge.stop();
    plugin.child.stdin.end();
    await plugin.ended;
    const stops = () => topics.distinct.filter(({ event }) => event.type === "sluice.bridge.stopped");
    await topics.until(() => stops().length === 2, "both ends");
    // Their last words have the highest numbers; the same call twice is the same event, with two of them.
    const numbered = (): number => stops().reduce((sum, { event }) => sum + Number(event.journalseq), 0);
    const read = () => new Set(topics.events.map(({ event }) => `${event.instance} ${event.journalseq}`));
    await topics.until(() => read().size === numbered(), "every event of both");

    const events = new Map(topics.distinct.map((record) => [record.event.id as string, record]));
    for (const [name, problemsOf] of Object.entries(judges)) {
      const expected = [...events.values()].filter(
        ({ event }) => name !== "flat-sessions" || /session\.(started|admitted|ended)$/.test(event.type),
      );
      const found = await readAll(brokers, prefix + name, expected.length);
      expect(new Set(found.map(({ headers }) => headers.ce_id)), name).toEqual(
        new Set(expected.map(({ event }) => event.id)),
      );
      for (const { key, value, headers, partition } of found) {
        const record = events.get(headers.ce_id!)!;
        const projected = JSON.parse(value);
        expect([key, partition, idIn[name]!(projected)]).toEqual([
          record.key,
          record.partition,
          record.event.id,
        ]);
        expect(problemsOf(projected), `${name} ${value}`).toEqual([]);
      }
    }
    const sources = new Set([...events.values()].map(({ event }) => event.source.split("/")[1]));
    expect(sources).toEqual(new Set(["frp", "prox", "bridge"]));

    expect(await countOf(brokers, `${prefix}dead-letters`)).toBe(0);

    const before = await countOf(brokers, `${prefix}flat-sessions`);
    const args = ["replay", "--from", "journal", "--topic", "flat-sessions", "--json"];
    const { stdout } = await sluice(args, { settings: { ...settings, "data.dir": bridge.dataDir } });
    const replayed = JSON.parse(stdout);
    expect(replayed).toMatchObject({
      complete: true,
      topics: [{ topic: `${prefix}flat-sessions`, deadLetters: 0 }],
    });
    expect(replayed.records).toBeGreaterThan(0);
    expect(await countOf(brokers, `${prefix}flat-sessions`)).toBe(before + replayed.records);
  }, 90_000);
});

function readAll(brokers: readonly string[], topic: string, count: number): Promise<ReadRecord[]> {
  return readTopics(
    brokers,
    [topic],
    (records) => new Set(records.map(({ headers }) => headers.ce_id)).size >= count,
  );
}
