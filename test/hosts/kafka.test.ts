/** @module-tag docker */
import { Kafka, logLevel, Partitioners } from "kafkajs";
import { expect, it } from "vitest";
import { describeWith } from "./describe-with.ts";
import { startKafka } from "./kafka.ts";
import { makeTopic } from "./make-topic.ts";
import { sharedKafka } from "./shared.ts";
import { maxWaitTimeInMs } from "./topic-events.ts";
import { unique } from "./unique.ts";

describeWith(["kafka"], "a Kafka for tests", () => {
  it("keeps one record and gives it back, shared by all files of a run", async () => {
    const kafka = clientOf(await sharedKafka());
    const topic = unique("hosts");
    await createTopic(kafka, topic, 1);
    expect(await send(kafka, topic, "one")).toBe(0);
    expect(await firstRecord(kafka, topic)).toBe("one");
  });

  it("still has its records after stop, kill and pause of the broker", async () => {
    await using host = await startKafka({ overrides: { "message.max.bytes": "2000" } });
    const [broker] = host.nodes;
    const kafka = clientOf(host.brokers);
    await createTopic(kafka, "kept", 1);
    await send(kafka, "kept", "before");
    await broker.stop();
    await expect(send(clientOf(host.brokers, 0), "kept", "lost")).rejects.toThrow();
    await broker.start();
    await broker.kill();
    await broker.start();
    await broker.pause();
    const sending = send(kafka, "kept", "later");
    await broker.resume();
    expect(await sending).toBe(1);
    expect(await firstRecord(kafka, "kept")).toBe("before");
    await expect(send(kafka, "kept", "x".repeat(3000))).rejects.toThrow(/larger/);
  }, 120_000);
});

describeWith(["kafka"], "three Kafka brokers for tests", () => {
  it("go on without one of them, and take it back", async () => {
    await using host = await startKafka({ nodes: 3 });
    const kafka = clientOf(host.brokers);
    await createTopic(kafka, "kept", 3);
    const [first] = host.nodes;
    await first.kill();
    expect(await send(kafka, "kept", "without the first")).toBe(0);
    await first.start();
    expect(await send(kafka, "kept", "with all three")).toBe(1);
  }, 180_000);
});

/** A record that is sent again after it was taken would be there twice. */
function clientOf(brokers: string[], retries = 30): Kafka {
  const retry = { retries, initialRetryTime: 100, maxRetryTime: 1_000 };
  return new Kafka({ brokers, logLevel: logLevel.NOTHING, requestTimeout: 30_000, retry });
}

async function createTopic(kafka: Kafka, topic: string, replicationFactor: number): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  await makeTopic(admin, { topic, numPartitions: 1, replicationFactor });
  await admin.disconnect();
}

/** The offset that the record got. */
async function send(kafka: Kafka, topic: string, value: string): Promise<number> {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  try {
    await producer.connect();
    const [kept] = await producer.send({ topic, acks: -1, messages: [{ value }] });
    return Number(kept?.baseOffset);
  } finally {
    await producer.disconnect();
  }
}

async function firstRecord(kafka: Kafka, topic: string): Promise<string | undefined> {
  const consumer = kafka.consumer({ groupId: unique("group"), maxWaitTimeInMs });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  await consumer.run({ eachMessage: async ({ message }) => resolve(message.value?.toString()) });
  const value = await promise;
  await consumer.disconnect();
  return value;
}
