/** @module-tag docker */
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { KafkaBroker } from "../../src/kafka/broker.ts";
import { partitionOf } from "../../src/kafka/partitioner.ts";
import { brokerConformance, sendAtLast } from "../forwarder/broker-conformance.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { type KafkaHost, startKafka } from "../hosts/kafka.ts";
import { kafkaMissing, kafkaProgram } from "../hosts/kafka-program.ts";
import { sharedKafka } from "../hosts/shared.ts";
import { unique } from "../hosts/unique.ts";
import { countOf, createTopic, quickSettings, readTopics, silentLog } from "./kafka-reading.ts";

describeWith(["kafka"], "Kafka behind the port", () => {
  let host: KafkaHost;
  beforeAll(async () => {
    host = await startKafka();
  });

  async function underTest(goAway: () => Promise<void>, comeBack: () => Promise<void>) {
    const { brokers } = host;
    return {
      broker: new KafkaBroker(quickSettings(brokers), systemClock, silentLog),
      createTopic: (name: string, partitions: number) => createTopic(brokers, name, partitions),
      read: async (topic: string, partition: number, count: number) => {
        const found = await readTopics(brokers, [topic], ({ length }) => length >= count);
        return found
          .filter((each) => each.partition === partition)
          .map(({ key, value, headers }) => ({ key, value, headers }));
      },
      count: (topic: string) => countOf(brokers, topic),
      goAway,
      comeBack,
    };
  }

  describe("when away means frozen", () => {
    brokerConformance(
      () =>
        underTest(
          () => host.nodes[0].pause(),
          () => host.nodes[0].resume(),
        ),
      () => unique("conformance"),
    );
  });

  it("waits with records while our clock is hours ahead of the broker's, where a topic minds", async () => {
    const broker = new KafkaBroker(quickSettings(host.brokers), systemClock, silentLog);
    const [minding, ours] = [unique("minding"), unique("ours")];
    await createTopic(host.brokers, minding, 1);
    await createTopic(host.brokers, ours, 1, { "message.timestamp.type": "LogAppendTime" });
    const record = { key: "k", value: "{}", headers: {} };
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 5 * 3_600_000 });
    onTestFinished(() => void vi.useRealTimers());
    await expect(broker.send(minding, 0, [record])).rejects.toMatchObject({
      code: "kafka_unavailable",
      retryable: true,
      message: expect.stringMatching(/INVALID_TIMESTAMP.*clock ahead/),
    });
    await broker.send(ours, 0, [record]);
    vi.useRealTimers();
    await broker.send(minding, 0, [record]);
    expect(await countOf(host.brokers, ours)).toBe(1);
    await broker.close();
  });

  it("works again after the broker was killed", async () => {
    const {
      broker,
      createTopic: create,
      count,
    } = await underTest(
      async () => {},
      async () => {},
    );
    const topic = unique("killed");
    await create(topic, 1);
    const record = { key: "k", value: "{}", headers: {} };
    await broker.send(topic, 0, [record]);
    await host.nodes[0].kill();
    await expect(broker.send(topic, 0, [record])).rejects.toMatchObject({ code: "kafka_unavailable" });
    await host.nodes[0].start();
    await sendAtLast(broker, topic, record);
    expect(await count(topic)).toBeGreaterThanOrEqual(2);
    await broker.close();
  }, 60_000);

  it("notices a frozen broker within the request timeout", async () => {
    const { brokers } = host;
    const broker = new KafkaBroker(quickSettings(brokers), systemClock, silentLog);
    const topic = unique("frozen");
    await createTopic(brokers, topic, 1);
    const record = { key: "k", value: "{}", headers: {} };
    await broker.send(topic, 0, [record]);
    await host.nodes[0].pause();
    const since = systemClock.monotonic();
    await expect(broker.send(topic, 0, [record])).rejects.toMatchObject({ code: "kafka_unavailable" });
    expect(systemClock.monotonic() - since).toBeLessThan(3_500);
    await host.nodes[0].resume();
    await broker.close();
  });
});

describeWith(["kafka"], "records on Kafka", () => {
  it.each(["gzip", "zstd", "none"] as const)(
    "can be read when sent with compression %s",
    async (compression) => {
      const brokers = await sharedKafka();
      const topic = unique(`compressed-${compression}`);
      await createTopic(brokers, topic, 1);
      const broker = new KafkaBroker(quickSettings(brokers, { compression }), systemClock, silentLog);
      const records = Array.from({ length: 50 }, (_, n) => ({
        key: "k",
        value: `${"x".repeat(500)}${n}`,
        headers: {},
      }));
      await broker.send(topic, 0, records);
      const found = await readTopics(brokers, [topic], ({ length }) => length >= 50);
      expect(found.map(({ value }) => value)).toEqual(records.map(({ value }) => value));
      await broker.close();
    },
  );

  it("lie in the partition that Java's producer chooses", async ({ skip }) => {
    const missing = await kafkaMissing();
    if (missing !== undefined) skip(missing);
    const brokers = await sharedKafka();
    const topic = unique("java");
    await createTopic(brokers, topic, 7);
    const keys = [
      "alice",
      "bob",
      "",
      "grüße",
      "😀",
      "a,b",
      ...Array.from({ length: 200 }, (_, n) => `key-${n}`),
    ];
    await produceWithJava(brokers, topic, keys);
    const found = await readTopics(brokers, [topic], ({ length }) => length >= keys.length);
    expect(found.map(({ key, partition }) => [key, partition]).sort()).toEqual(
      keys.map((key) => [key, partitionOf(key, 7)]).sort(),
    );
  }, 60_000);
});

async function produceWithJava(brokers: readonly string[], topic: string, keys: string[]): Promise<void> {
  const { java, jars } = await kafkaProgram();
  const tool = [
    "-cp",
    path.join(jars, "*"),
    "-Dfile.encoding=UTF-8",
    "org.apache.kafka.tools.ConsoleProducer",
  ];
  const properties = ["parse.key=true", "key.separator=|"].flatMap((each) => ["--reader-property", each]);
  const args = [...tool, "--bootstrap-server", brokers.join(","), "--topic", topic, ...properties];
  const producer = spawn(java, args, { stdio: ["pipe", "ignore", "pipe"] });
  producer.stdin.end(keys.map((key) => `${key}|value\n`).join(""));
  let complaints = "";
  producer.stderr.on("data", (piece) => {
    complaints += piece;
  });
  const [code] = await once(producer, "exit");
  if (code !== 0) throw new Error(`ConsoleProducer: ${complaints}`);
}
