import { beforeAll, expect, it } from "vitest";
import { startBridge } from "../hosts/bridge.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { sharedKafka } from "../hosts/shared.ts";
import type { TopicEvent, TopicEvents } from "../hosts/topic-events.ts";
import {
  allArrived,
  allTold,
  expectGapless,
  expectInOrder,
  gapsOf,
  nameOf,
  ofType,
  sequences,
} from "./delivered.ts";
import { Load } from "./load.ts";
import { eventsOf, toKafka } from "./stack.ts";

const kills = Number(process.env.SLUICE_TEST_KILLS ?? 5);
/** Answers within one life, at 500 a second: from a life that has hardly begun to one that sends steadily. */
const lives = [40, 120, 400, 200, 600];

describeWith(["kafka"], `a bridge that was killed ${kills} times with SIGKILL under load`, () => {
  let load: Load;
  let topics: TopicEvents;
  let started: TopicEvent[];

  beforeAll(
    async () => {
      const settings = toKafka(await sharedKafka());
      await using bridge = await startBridge(settings);
      topics = await eventsOf(bridge, settings);
      load = new Load({ url: bridge.url });
      for (let kill = 0; kill < kills; kill++) {
        await load.more(lives[kill % lives.length]!);
        await bridge.kill();
        await bridge.start();
      }
      await load.more(200);
      await load.stop();
      await allArrived(topics, load);
      await bridge.stop();
      await allTold(topics);
      started = topics.distinct.filter(({ event }) => ofType("bridge.started")(event));
    },
    60_000 + kills * 10_000,
  );

  it("has every op that was answered on Kafka", () => {
    const arrived = new Set(topics.events.map(({ event }) => event.id));
    expect(load.answeredIds.length).toBeGreaterThan(kills * Math.min(...lives));
    expect(load.answeredIds.filter((id) => !arrived.has(id))).toEqual([]);
  });

  it("repeats an event only as it was, so that duplicates collapse by id", () => {
    const first = new Map(topics.distinct.map((record) => [record.event.id, record]));
    const changed = topics.events.filter((record) => {
      const { topic, key, value } = first.get(record.event.id)!;
      return record.topic !== topic || record.key !== key || record.value !== value;
    });
    expect(changed).toEqual([]);
  });

  it("counts the events of each epoch and topic from 1 without a gap, and announces none", () => {
    expect(gapsOf(topics.distinct)).toEqual([]);
    expectGapless(topics.events);
  });

  it("gives every event a number of its own, and a later epoch only higher ones", () => {
    const numbers = topics.distinct.map(({ event }) => Number(event.journalseq)).sort((a, b) => a - b);
    expect(numbers).toEqual(numbers.map((_, at) => at + 1));
    const epochs = new Map<number, string>(
      topics.distinct.map(({ event }) => [Number(event.journalseq), event.epoch]),
    );
    const inOrder = numbers.map((number) => epochs.get(number)!);
    const changes = inOrder.filter((epoch, at) => epoch !== inOrder[at - 1]);
    expect(changes).toEqual(started.map(({ event }) => event.epoch));
    expect(changes).toHaveLength(kills + 1);
  });

  it("has the events of each key in the order of their numbers", () => {
    expectInOrder(topics.distinct);
  });

  it("names at each start the epoch before with its last number of each topic", () => {
    const all = sequences(topics.distinct);
    expect(started[0]!.event.data.previous).toBeNull();
    for (const [at, { event }] of started.slice(1).entries()) {
      const { epoch } = started[at]!.event;
      const topicsOfEpoch = [...all].flatMap(([name, numbers]) => {
        const topic = name.slice(epoch.length + 1);
        return name === nameOf(epoch, topic) ? [[topic, { first: 1, last: Math.max(...numbers) }]] : [];
      });
      expect(event.data.previous).toEqual({ epoch, topics: Object.fromEntries(topicsOfEpoch) });
    }
  });
});
