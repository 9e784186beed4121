import type { Clock } from "../clock.ts";
import { SluiceError } from "../errors.ts";
import type { Log } from "../forwarder/log.ts";
import { withAdmin } from "./admin.ts";
import { brokerErrorOf } from "./failures.ts";
import type { KafkaSettings } from "./settings.ts";

export interface PartitionRange {
  readonly topic: string;
  readonly partition: number;
  /** The offset of the oldest record. */
  readonly low: bigint;
  /** The offset that the next record gets. */
  readonly high: bigint;
}

/**
 * Where the partitions of those topics that exist begin and end, asked for in this order.
 * @throws SluiceError kafka_topic when none of them exists; kafka_unavailable, kafka_denied
 */
export function topicRanges(
  topics: readonly string[],
  settings: KafkaSettings,
  clock: Clock,
  log: Log,
): Promise<PartitionRange[]> {
  return withAdmin(settings, clock, log, 0, async (admin) => {
    const existing = new Set(await admin.listTopics());
    const ranges: PartitionRange[] = [];
    for (const topic of topics.filter((name) => existing.has(name))) {
      try {
        for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
          ranges.push({ topic, partition, low: BigInt(low), high: BigInt(high) });
        }
      } catch (thrown) {
        // Deleted in this moment.
        if (brokerErrorOf(thrown) !== "UNKNOWN_TOPIC_OR_PARTITION") throw thrown;
      }
    }
    if (ranges.length > 0) return ranges;
    throw new SluiceError(
      "kafka_topic",
      `none of these topics exists: ${topics.join(", ")}; is kafka.topicPrefix right, and may we read them?`,
    );
  });
}
