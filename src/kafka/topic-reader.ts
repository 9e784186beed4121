/** Reads topics from near their end, or on and on; commits nothing, so that looking changes nothing. */
import { randomUUID } from "node:crypto";
import type { Clock } from "../clock.ts";
import { SluiceError } from "../errors.ts";
import type { Log } from "../forwarder/log.ts";
import { withAdmin } from "./admin.ts";
import { createClient } from "./client.ts";
import { failureOf } from "./failures.ts";
import type { KafkaSettings } from "./settings.ts";
import "./compression.ts";

export interface TopicReading {
  readonly topics: readonly string[];
  /** How many of the last records of each partition. */
  readonly last: number;
  /** Aborted by the caller to end a reading that follows; without `follow` it ends by itself. */
  readonly signal: AbortSignal;
  readonly follow: boolean;
  readonly onRecord: (value: string, topic: string) => void;
  /** All that was there at the start has been given. */
  readonly onCaughtUp: () => void;
}

interface Span {
  readonly topic: string;
  readonly partition: number;
  readonly from: bigint;
  readonly end: bigint;
}

/**
 * @throws SluiceError kafka_topic when none of the topics exists; kafka_unavailable, kafka_denied
 */
export async function readTopics(
  reading: TopicReading,
  settings: KafkaSettings,
  clock: Clock,
  log: Log,
): Promise<void> {
  const spans = await spansOf(reading, settings, clock, log);
  // What comes next from each partition: kafkajs begins with older records again after each trouble.
  const next = new Map(spans.map((s) => [nameOf(s), s.from]));
  const open = new Map(spans.filter((s) => s.from < s.end).map((s) => [nameOf(s), s.end]));
  const caughtUp = Promise.withResolvers<void>();
  const settle = (): void => {
    reading.onCaughtUp();
    caughtUp.resolve();
  };
  if (open.size === 0) settle();
  if (open.size === 0 && !reading.follow) return;
  const client = createClient(settings, log);
  // A group of its own that commits nothing vanishes with its last member.
  const consumer = client.kafka.consumer({ groupId: `sluice-tail-${randomUUID()}`, retry: { retries: 5 } });
  const failed = Promise.withResolvers<never>();
  consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
    if (!restart || !reading.follow) failed.reject(error);
  });
  const work = async (): Promise<void> => {
    await consumer.connect();
    await consumer.subscribe({ topics: [...new Set(spans.map((s) => s.topic))], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachMessage: async ({ topic, partition, message }) => {
        const name = nameOf({ topic, partition });
        const offset = BigInt(message.offset);
        if (offset < (next.get(name) ?? 0n)) return;
        next.set(name, offset + 1n);
        if (message.value !== null) reading.onRecord(message.value.toString(), topic);
        const end = open.get(name);
        if (end === undefined || offset + 1n < end) return;
        open.delete(name);
        if (open.size === 0) settle();
      },
    });
    for (const { topic, partition, from } of spans) consumer.seek({ topic, partition, offset: String(from) });
    await caughtUp.promise;
    if (reading.follow) await aborted(reading.signal);
  };
  try {
    await Promise.race([work(), failed.promise, aborted(reading.signal)]);
  } catch (thrown) {
    throw failureOf(thrown);
  } finally {
    await consumer.disconnect().catch(() => {});
    client.destroy();
  }
}

function nameOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic} ${partition}`;
}

async function spansOf(
  { topics, last }: TopicReading,
  settings: KafkaSettings,
  clock: Clock,
  log: Log,
): Promise<Span[]> {
  return withAdmin(settings, clock, log, 0, async (admin) => {
    const existing = new Set(await admin.listTopics());
    const wanted = topics.filter((topic) => existing.has(topic));
    if (wanted.length === 0) {
      throw new SluiceError(
        "kafka_topic",
        `none of these topics exists: ${topics.join(", ")}; is kafka.topicPrefix right?`,
      );
    }
    const spans = await Promise.all(
      wanted.map(async (topic) =>
        (await admin.fetchTopicOffsets(topic)).map(({ partition, low, high }) => {
          const [oldest, end] = [BigInt(low), BigInt(high)];
          const from = end - BigInt(last);
          return { topic, partition, from: from < oldest ? oldest : from, end };
        }),
      ),
    );
    return spans.flat();
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
