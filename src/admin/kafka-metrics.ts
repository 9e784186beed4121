/** What Prometheus reads of the forwarder; registered only where there is a Kafka to forward to. */
import type { Registry } from "prom-client";
import type { ForwarderState } from "../forwarder/report.ts";
import type { JournalStats } from "../journal/journal.ts";
import { gauge, total } from "./figures.ts";

/** @param state null until the forwarder's thread has said something: all is 0 then */
export function kafkaMetrics(
  registry: Registry,
  state: () => ForwarderState | null,
  journal: () => JournalStats,
): void {
  type Figure = (now: ForwarderState) => number;
  const told = (pick: Figure) => (): number => {
    const now = state();
    return now === null ? 0 : pick(now);
  };
  const figure = (name: string, help: string, pick: Figure): void =>
    gauge(registry, `sluice_kafka_${name}`, help, told(pick));
  const count = (name: string, help: string, pick: Figure): void =>
    total(registry, `sluice_kafka_${name}_total`, help, told(pick));
  figure("connected", "1 while brokers take records", (now) => Number(now.connected));
  figure("lag_records", "Durable records that Kafka has not confirmed", (now) => now.lagRecords);
  gauge(
    registry,
    "sluice_kafka_lag_bytes",
    "Bytes of the segments that hold records which Kafka has not confirmed",
    () => journal().unacknowledgedBytes,
  );
  gauge(
    registry,
    "sluice_kafka_lag_seconds",
    "Age of the oldest record that Kafka has not confirmed",
    () => journal().oldestUnacknowledgedMs / 1000,
  );
  figure("stuck_partitions", "Partitions that had nothing confirmed for a while", (now) => now.stuck.length);
  figure("unknown_topics", "Topics that no broker has told of", (now) => now.unknownTopics.length);
  figure("held_bytes", "Bytes of records in the forwarder's memory", (now) => now.heldBytes);
  count("sent_records", "Records confirmed", (now) => now.sentRecords);
  count("sent_bytes", "Bytes confirmed, before compression", (now) => now.sentBytes);
  count("retries", "Sends that failed and were tried again", (now) => now.retries);
}
