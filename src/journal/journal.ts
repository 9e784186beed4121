/**
 * What the bridge, the forwarder and the commands know of the journal.
 *
 * Guarantee: a record whose append resolved `ok` is on disk (journal.sync = fsync) or with the kernel
 * (journal.sync = write); what is not is either still queued in memory or named by a Loss.
 */
import type { ErrorCode } from "../errors.ts";
import type { Stream } from "../events/streams.ts";

/** The numbers an event carries; given at the moment of appending, so that file order is number order. */
export interface Stamp {
  /** Gapless within instance, epoch and topic; the first is 1. */
  readonly sequence: number;
  /**
   * Rising over all topics of this instance, through all its epochs; the first is 1. Gapless but for what a Loss
   * names, and for a jump at the start of an epoch when the one before was killed while failing.
   */
  readonly journalseq: number;
}

export type Kept =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly failure: Extract<ErrorCode, "journal_full" | "journal_io" | "journal_slow" | "journal_closed">;
      /** Whether the record still waits in memory and will be written when that is possible again. */
      readonly queued: boolean;
    };

/** Numbers that no consumer will ever see. `null` means: not known, at least up to the end of that epoch. */
export interface Loss {
  readonly epoch: string;
  readonly cause: "journal_full" | "journal_io" | "journal_damaged" | "killed_while_failing";
  readonly journalseq: { readonly first: number; readonly last: number | null };
  /** Per topic where known. */
  readonly topics: Readonly<Record<string, { readonly first: number; readonly last: number | null }>>;
  readonly count: number | null;
}

export interface Journal {
  /** This start's id; a UUIDv7. */
  readonly epoch: string;
  /**
   * Numbers a record, renders it at once and queues it. `render` gives one line of JSON.
   * Never rejects; resolves when the record is durable or is known not to be for now.
   */
  append(stream: Stream, key: string, render: (stamp: Stamp) => string): Promise<Kept>;
  /** True while writing fails: what is appended now waits in memory. */
  readonly failing: boolean;
  /** The forwarder has Kafka's word for every record up to this journalseq. */
  acknowledged(journalseq: number): void;
  /** Nobody needs records up to this journalseq to know what is open; without a call, none is needed for that. */
  covered(journalseq: number): void;
  /** The last durable journalseq, shared with the forwarder's thread: one BigInt64, woken by Atomics.notify. */
  readonly durable: SharedArrayBuffer;
  /** Per topic the last sequence given in this epoch; topics without any are left out. */
  sequences(): Readonly<Record<string, number>>;
  stats(): JournalStats;
  /** Writes what is queued, syncs, closes. What cannot be written within `deadlineMs` is named on disk as a Loss. */
  close(deadlineMs: number): Promise<void>;
}

export interface JournalStats {
  readonly bytes: number;
  readonly maxBytes: number;
  readonly segments: number;
  readonly lastJournalseq: number;
  readonly durableJournalseq: number;
  readonly acknowledgedJournalseq: number;
  /** Of all segments that hold a record which is not acknowledged; 0 where nobody acknowledges. */
  readonly unacknowledgedBytes: number;
  /** How long the oldest durable record has waited to be acknowledged; for one of an earlier epoch, since the start. */
  readonly oldestUnacknowledgedMs: number;
  /** True while records cannot be written. */
  readonly failing: boolean;
  readonly queuedBytes: number;
  readonly lostRecords: number;
  readonly damagedRecords: number;
  readonly syncs: number;
}

/** What the epoch before left behind; named in `bridge.started`. */
export interface PreviousEpoch {
  readonly epoch: string;
  /** Last sequence per topic that is on disk. */
  readonly topics: Readonly<Record<string, number>>;
}
