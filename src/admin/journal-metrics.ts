/** What Prometheus reads of the journal. */
import type { Registry } from "prom-client";
import type { JournalStats } from "../journal/journal.ts";
import { gauge, total } from "./figures.ts";

export function journalMetrics(registry: Registry, stats: () => JournalStats): void {
  const figure = (name: string, help: string, pick: (now: JournalStats) => number): void =>
    gauge(registry, `sluice_journal_${name}`, help, () => pick(stats()));
  const count = (name: string, help: string, pick: (now: JournalStats) => number): void =>
    total(registry, `sluice_journal_${name}_total`, help, () => pick(stats()));
  figure("bytes", "Bytes of all segments", (now) => now.bytes);
  figure("max_bytes", "journal.maxBytes", (now) => now.maxBytes);
  figure("segments", "Segments", (now) => now.segments);
  figure("queued_bytes", "Bytes that wait in memory for the disk", (now) => now.queuedBytes);
  figure("failing", "1 while records cannot be written and wait in memory", (now) => Number(now.failing));
  count("lost_records", "Records lost, as far as they can be counted", (now) => now.lostRecords);
  count("damaged_records", "Damaged places found on opening the journal", (now) => now.damagedRecords);
  count("syncs", "times that records were brought to disk", (now) => now.syncs);
  figure("last_seq", "Last journalseq given", (now) => now.lastJournalseq);
  figure("durable_seq", "Last journalseq on disk", (now) => now.durableJournalseq);
  figure(
    "acknowledged_seq",
    "Last journalseq below which Kafka has all",
    (now) => now.acknowledgedJournalseq,
  );
}
