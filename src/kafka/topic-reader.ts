/**
 * Reads topics from near their end, from their beginning, or on and on; commits nothing, so that looking changes
 * nothing.
 *
 *   ranges asked ──▶ reading ──each partition passed the end it had at first──▶ caught up ──follow──▶ until aborted
 *                      │  ▲
 *                      └──┘ a new consumer while Kafka still makes its topic of offsets
 */
import { randomUUID } from "node:crypto";
import type { Clock } from "../clock.ts";
import { SluiceError } from "../errors.ts";
import type { Log } from "../forwarder/log.ts";
import { createClient } from "./client.ts";
import { brokerErrorOf, failureOf } from "./failures.ts";
import { nameOf, ReadingProgress } from "./reading-progress.ts";
import type { KafkaSettings } from "./settings.ts";
import { type PartitionRange, topicRanges } from "./topic-ranges.ts";
import { within } from "./within.ts";
import "./compression.ts";

export interface TopicReading {
  /** Their ends are asked for in this order, one after the other. Topics that do not exist are passed over. */
  readonly topics: readonly string[];
  /** How many of the last records of each partition. */
  readonly last: number;
  /** Aborted by the caller to end a reading that follows; without `follow` it ends by itself. */
  readonly signal: AbortSignal;
  readonly follow: boolean;
  /** Told once, before the first record. */
  readonly onStart?: (ranges: readonly PartitionRange[]) => void;
  /** Without `follow` none that came after the start. Records of one partition come in its order. */
  readonly onRecord: (value: string, topic: string, partition: number) => void;
  /** All that was there at the start has been given. */
  readonly onCaughtUp: () => void;
}

/** A fresh cluster makes its topic of consumers' offsets when the first one asks, and takes some seconds for it. */
const coordinatorMs = 20_000;
const coordinatorEveryMs = 250;
/** What a broker says meanwhile, in its own names. */
const loading: ReadonlySet<string> = new Set([
  "GROUP_LOAD_IN_PROGRESS",
  "GROUP_COORDINATOR_NOT_AVAILABLE",
  "NOT_COORDINATOR_FOR_GROUP",
]);
const groupPrefix = "sluice-reader-";
/** Nothing was given for so long: twice in a row, and it will not come. */
const quietMs = 20_000;
/** How long a broker may wait for new records; a consumer that is closed waits as long for its last answer. */
const maxWaitTimeInMs = 500;
const leaveMs = 2_000;

/**
 * @throws SluiceError kafka_topic when none of the topics exists; kafka_unavailable, kafka_denied
 */
export async function readTopics(
  reading: TopicReading,
  settings: KafkaSettings,
  clock: Clock,
  log: Log,
): Promise<void> {
  // The clock's timers keep no process alive, and between two consumers nothing else does.
  const alive = setInterval(() => {}, 60_000);
  try {
    const ranges = await topicRanges(reading.topics, settings, clock, log);
    reading.onStart?.(ranges);
    const progress = new ReadingProgress(ranges, reading.last, reading.onCaughtUp);
    if (progress.caughtUp && !reading.follow) return;
    const untilMs = clock.monotonic() + coordinatorMs;
    for (;;) {
      try {
        return await consume(reading, progress, settings, clock, log);
      } catch (thrown) {
        const isLoading = loading.has(brokerErrorOf(thrown) ?? "");
        if (!isLoading && !isWithoutCoordinator(thrown)) throw failureOf(thrown);
        if (clock.monotonic() > untilMs) throw isLoading ? failureOf(thrown) : withoutGroup(thrown);
        const pause = new Promise<void>((resolve) => void clock.after(coordinatorEveryMs, resolve));
        await Promise.race([pause, aborted(reading.signal)]);
      }
    }
  } finally {
    clearInterval(alive);
  }
}

async function consume(
  reading: TopicReading,
  progress: ReadingProgress,
  settings: KafkaSettings,
  clock: Clock,
  log: Log,
): Promise<void> {
  const { follow, signal, onRecord } = reading;
  const client = createClient(settings, clock, log);
  const consumer = client.kafka.consumer({
    // A group of its own that commits nothing vanishes with its last member.
    groupId: groupPrefix + randomUUID(),
    retry: { retries: 5 },
    maxWaitTimeInMs,
  });
  const { CRASH, GROUP_JOIN, END_BATCH_PROCESS } = consumer.events;
  const failed = Promise.withResolvers<never>();
  const ends = new Map(progress.ranges.map((range) => [nameOf(range), Number(range.high)]));
  consumer.on(CRASH, ({ payload: { error, restart } }) => {
    if (!restart || !follow) failed.reject(error);
  });
  // Before the first record after each join, since a group that commits nothing begins where it likes.
  consumer.on(GROUP_JOIN, () => {
    for (const { topic, partition } of progress.ranges) {
      consumer.seek({ topic, partition, offset: String(progress.next(topic, partition)) });
    }
  });
  // Also told of what holds no records for anybody, such as the markers of transactions.
  consumer.on(END_BATCH_PROCESS, ({ payload: { topic, partition, lastOffset } }) => {
    progress.reached(topic, partition, Number(lastOffset) + 1);
  });
  let over = false;
  const begin = async (): Promise<void> => {
    await consumer.connect();
    if (over) return;
    const topics = [...new Set(progress.ranges.map(({ topic }) => topic))];
    await consumer.subscribe({ topics, fromBeginning: true });
    if (over) return;
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch: { topic, partition, messages } }) => {
        const from = progress.next(topic, partition);
        const end = follow ? Number.POSITIVE_INFINITY : (ends.get(nameOf({ topic, partition })) ?? 0);
        for (const { offset, value } of messages) {
          const at = Number(offset);
          if (at >= from && at < end && value !== null) onRecord(value.toString(), topic, partition);
        }
      },
    });
  };
  const begun = begin();
  const work = async (): Promise<void> => {
    await begun;
    await progress.whenCaughtUp;
    if (follow) await aborted(signal);
  };
  const look = watch(progress, reading, settings, clock, log);
  try {
    await Promise.race([work(), failed.promise, look.failed, aborted(signal)]);
  } finally {
    look.end();
    over = true;
    // Told to go while it still joins, a consumer joins all the same, and then reads on for ever.
    const left = begun.catch(() => {}).then(() => consumer.disconnect());
    // It waits for whatever it has just asked for, which a signal must not.
    await within(clock, leaveMs, left).catch(() => {});
    client.destroy();
  }
}

/**
 * Sees to it that a reading ends also when the rest of a partition will never come: expired while it was read, or
 * holding what kafkajs passes over without a word.
 */
function watch(
  progress: ReadingProgress,
  { topics }: TopicReading,
  settings: KafkaSettings,
  clock: Clock,
  log: Log,
): { readonly failed: Promise<never>; end(): void } {
  const failed = Promise.withResolvers<never>();
  let ended = false;
  let cancel = (): void => {};
  const later = (look: () => Promise<void>): void => {
    cancel = clock.after(quietMs, () => void look().catch(failed.reject));
  };
  const begin = (): void => {
    const before = progress.steps;
    const secondLook = async (): Promise<void> => {
      if (ended || progress.caughtUp) return;
      if (progress.steps > before) return begin();
      const [first] = progress.open;
      const where = `${first!.topic} [${first!.partition}]`;
      const from = progress.next(first!.topic, first!.partition);
      const text = `nothing more came of ${where} from offset ${from} on, where records up to ${first!.high} stood`;
      throw new SluiceError("kafka_unavailable", text, { retryable: true });
    };
    later(async () => {
      if (ended || progress.caughtUp) return;
      if (progress.steps > before) return begin();
      for (const { topic, partition, low } of await topicRanges(topics, settings, clock, log)) {
        progress.reached(topic, partition, Number(low));
      }
      later(secondLook);
    });
  };
  begin();
  return {
    failed: failed.promise,
    end() {
      ended = true;
      cancel();
    },
  };
}

/** kafkajs says no more of a group that we may not use than of one that no broker leads. */
function withoutGroup(thrown: unknown): SluiceError {
  const text = `${failureOf(thrown).message}; may we read as the groups ${groupPrefix}*?`;
  return new SluiceError("kafka_unavailable", text, { retryable: true, cause: thrown });
}

/** kafkajs's name for it; the broker's own name is gone by then. */
function isWithoutCoordinator(thrown: unknown): boolean {
  const { name, cause } = thrown as { name?: unknown; cause?: unknown };
  if (name === "KafkaJSGroupCoordinatorNotFound") return true;
  return typeof cause === "object" && cause !== null && isWithoutCoordinator(cause);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
