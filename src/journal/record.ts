import type { Stream } from "../events/streams.ts";

/** One line of a segment, as a reader gives it. */
export interface JournalRecord {
  readonly journalseq: number;
  /** Number within instance, epoch and topic, as in the event itself. */
  readonly sequence: number;
  /** The start that wrote it; "" when the segment's header is damaged. */
  readonly epoch: string;
  readonly stream: Stream;
  /** Kafka's record key; never empty, at most 256 bytes. */
  readonly key: string;
  /** The event: one line of JSON. */
  readonly event: string;
}
