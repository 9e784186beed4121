import type { Stream } from "../events/streams.ts";

/** One line of a segment, as a reader gives it. */
export interface JournalRecord {
  readonly journalseq: number;
  readonly stream: Stream;
  /** Kafka's record key; never empty, at most 256 bytes. */
  readonly key: string;
  /** The event: one line of JSON. */
  readonly event: string;
}
