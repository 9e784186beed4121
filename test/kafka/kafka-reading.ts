import { Kafka, logLevel } from "kafkajs";
import type { KafkaSettings } from "../../src/kafka/settings.ts";
import { kafkaDefaults } from "../../src/kafka/settings.ts";
import { makeTopic } from "../hosts/make-topic.ts";
import { maxWaitTimeInMs } from "../hosts/topic-events.ts";
import { unique } from "../hosts/unique.ts";
import "../../src/kafka/compression.ts";

export interface ReadRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Settings that notice a dead broker soon. */
export function quickSettings(brokers: readonly string[], more: Partial<KafkaSettings> = {}): KafkaSettings {
  return { ...kafkaDefaults, brokers, connectTimeoutMs: 1_500, requestTimeoutMs: 2_000, ...more };
}

export function clientOf(brokers: readonly string[]): Kafka {
  const retry = { retries: 20, initialRetryTime: 50, maxRetryTime: 500 };
  return new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING, requestTimeout: 5_000, retry });
}

/** Reads topics from their beginning until `enough` says so. */
export async function readTopics(
  brokers: readonly string[],
  topics: readonly string[],
  enough: (records: readonly ReadRecord[]) => boolean,
): Promise<ReadRecord[]> {
  const consumer = clientOf(brokers).consumer({ groupId: unique("reading"), maxWaitTimeInMs });
  const records: ReadRecord[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  consumer.on("consumer.crash", ({ payload }) => payload.restart || reject(payload.error));
  await consumer.connect();
  await consumer.subscribe({ topics: [...topics], fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ partition, message }) => {
      const headers = Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]);
      records.push({
        partition,
        offset: Number(message.offset),
        key: String(message.key),
        value: String(message.value),
        headers: Object.fromEntries(headers),
      });
      if (enough(records)) resolve();
    },
  });
  try {
    await promise;
  } finally {
    await consumer.disconnect();
  }
  return records;
}

/** How many records a topic holds. */
export async function countOf(brokers: readonly string[], topic: string): Promise<number> {
  const admin = clientOf(brokers).admin();
  await admin.connect();
  try {
    const offsets = await admin.fetchTopicOffsets(topic);
    return offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  } finally {
    await admin.disconnect();
  }
}

export async function createTopic(
  brokers: readonly string[],
  topic: string,
  numPartitions: number,
  config: Readonly<Record<string, string>> = {},
): Promise<void> {
  const admin = clientOf(brokers).admin();
  await admin.connect();
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
  await makeTopic(admin, { topic, numPartitions, configEntries });
  await admin.disconnect();
}

export const silentLog = { debug() {}, info() {}, warn() {}, error() {} };
