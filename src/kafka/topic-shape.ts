/** How a topic of ours is made: its partitions, replicas and settings. */
import type { KafkaSettings } from "./settings.ts";

export interface WantedTopic {
  readonly name: string;
  readonly retentionMs: number;
}

export interface Shape {
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly config: Readonly<Record<string, string>>;
}

/** @param brokers how many there are */
export function shapeOf({ retentionMs }: WantedTopic, settings: KafkaSettings, brokers: number): Shape {
  const replicationFactor = settings.replicationFactor ?? Math.min(3, brokers);
  return {
    partitions: settings.partitions,
    replicationFactor,
    config: {
      "cleanup.policy": "delete",
      "retention.ms": String(retentionMs),
      "min.insync.replicas": insyncOf(replicationFactor),
      // Batches are kept as we compressed them.
      "compression.type": "producer",
      // Retention counts from a record's arrival. By our clock a broker would refuse what comes when that is ahead of
      // its own by more than message.timestamp.after.max.ms, an hour.
      "message.timestamp.type": "LogAppendTime",
    },
  };
}

/** One replica may be away, and what was confirmed is still on at least one other. */
export function insyncOf(replicationFactor: number): string {
  return String(Math.max(1, replicationFactor - 1));
}

/** A topic that several streams share keeps what the longest kept of them does. */
export function onceEach(wanted: readonly WantedTopic[]): WantedTopic[] {
  const longest = new Map<string, number>();
  for (const { name, retentionMs } of wanted)
    longest.set(name, Math.max(retentionMs, longest.get(name) ?? 0));
  return [...longest].map(([name, retentionMs]) => ({ name, retentionMs }));
}
