import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { startBridge } from "../hosts/bridge.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { type KafkaHost, startKafka } from "../hosts/kafka.ts";
import type { TopicEvents } from "../hosts/topic-events.ts";
import { slowestAnswerMs } from "./busy-machine.ts";
import { allArrived, allTold, expectGapless, expectInOrder, expectRuled, gapsOf } from "./delivered.ts";
import { Load } from "./load.ts";
import { eventsOf, ruledBy, toKafka } from "./stack.ts";

const outageS = Number(process.env.SLUICE_TEST_OUTAGE_S ?? 3);
const perSecond = 300;
const deadlineMs = 2000;
const denied = { alice: "moved away" };
const rules = { "user:alice": "deny moved away" };
const timeoutMs = 120_000 + outageS * 3000;
vi.setConfig({ testTimeout: timeoutMs });

function slowestMs(load: Load): number {
  return Math.max(...load.answers.map(({ sentMs, atMs }) => atMs - sentMs));
}

async function expectAllDelivered(topics: TopicEvents, load: Load): Promise<void> {
  await allArrived(topics, load, timeoutMs);
  expect(gapsOf(topics.distinct)).toEqual([]);
  expectGapless(topics.events);
  expectInOrder(topics.distinct);
}

describeWith(["kafka"], "with a Kafka of one broker", () => {
  let kafka: KafkaHost;
  beforeAll(async () => {
    kafka = await startKafka();
  });
  afterAll(() => kafka.close());

  it(`goes on answering, as always and in time, while Kafka is away for ${outageS} s, and then delivers all`, async () => {
    const settings = toKafka(kafka.brokers);
    await using bridge = await startBridge({ ...settings, ...(await ruledBy(rules)) });
    await using topics = await eventsOf(bridge, settings);
    await using load = new Load({ url: bridge.url, perSecond });
    const outage = async (): Promise<void> => {
      await load.more(perSecond);
      await kafka.nodes[0].stop();
      await load.more(perSecond * outageS);
      await bridge.log.saw(/Kafka takes nothing; events wait in the journal/);
      await kafka.nodes[0].start();
      await bridge.log.saw(/Kafka takes events again/);
      await load.more(perSecond);
      await load.stop();
    };
    // Both on the way in and on the way out.
    const busyMs = await slowestAnswerMs(bridge, outage());

    expectRuled(load.answers, denied);
    expect(load.unanswered).toEqual([]);
    expect(slowestMs(load)).toBeLessThan(deadlineMs + 2 * busyMs);
    await expectAllDelivered(topics, load);
  });

  it("answers from its start on when there is no Kafka yet, and delivers all once there is", async () => {
    const settings = toKafka(kafka.brokers);
    await kafka.nodes[0].stop();
    await using bridge = await startBridge({ ...settings, ...(await ruledBy(rules)) });
    await using load = new Load({ url: bridge.url, perSecond, seed: 2 });
    await load.more(perSecond);
    await kafka.nodes[0].start();
    await load.more(perSecond);
    await load.stop();
    await using topics = await eventsOf(bridge, settings);

    expectRuled(load.answers, denied);
    expect(load.unanswered).toEqual([]);
    await expectAllDelivered(topics, load);
  });

  it("keeps all that a stop without Kafka left behind for the next start", async () => {
    const settings = toKafka(kafka.brokers);
    await using bridge = await startBridge(settings);
    await using topics = await eventsOf(bridge, settings);
    await using load = new Load({ url: bridge.url, perSecond, seed: 3 });
    await kafka.nodes[0].stop();
    await load.more(perSecond);
    await load.stop();
    await bridge.stop();
    await kafka.nodes[0].start();
    await bridge.start();
    await expectAllDelivered(topics, load);
    await allTold(topics);
  });
});
