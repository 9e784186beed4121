/** The ports to the journal: what the loop reads from, and where it keeps how far it is. */
import type { JournalRecord } from "../journal/record.ts";

export interface Source {
  /** Begins with the first record that is kept at or above `journalseq`. */
  open(journalseq: number): Reading;
}

export interface Reading {
  /**
   * The next records up to and including `through`, in order of journalseq: about `maxBytes` of them, at least one.
   * Empty: there is none up to there for now.
   */
  next(through: number, maxBytes: number): Promise<readonly JournalRecord[]>;
  /**
   * Of a source that leaves records out: the journalseq up to which it has given all that it will ever give. Where a
   * source does not say so, it is its last record's.
   */
  passed?(): number;
  close(): Promise<void>;
}

/** The last durable journalseq, which another thread moves on. */
export interface DurableMark {
  read(): number;
  /** Resolves once it is above `journalseq`. */
  above(journalseq: number): Promise<void>;
}

/** What has been confirmed, or lies in the dead letters. */
export interface Marks {
  /** Every record up to this journalseq. */
  readonly journalseq: number;
  /** Topics with partitions that are further: up to which journalseq each has all of its own records. */
  readonly ahead: Readonly<Record<string, AheadTopic>>;
}

export interface AheadTopic {
  /** Keys belong to other partitions once this has changed: then the rest says nothing. */
  readonly partitions: number;
  readonly through: Readonly<Record<string, number>>;
}

export interface MarksStore {
  load(): Promise<Marks>;
  save(marks: Marks): Promise<void>;
}
