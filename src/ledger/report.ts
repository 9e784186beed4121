/** What the ledger has found. */
import type { Cause, Gap } from "./announcements.ts";
import type { Span } from "./span.ts";

/** What was seen around a hole, ISO 8601; null where nothing was, or where it says no time. */
export interface Between {
  readonly after: string | null;
  readonly before: string | null;
}

/** All records of one instance and epoch on one topic. They are numbered from 1, without a gap. */
export interface StreamReport {
  readonly instance: string;
  readonly epoch: string;
  readonly topic: string;
  /** The lowest number seen; 0 when none was. */
  readonly first: number;
  /** The highest number seen, or said to have been given. */
  readonly last: number;
  /** Times of the lowest and the highest number seen. */
  readonly firstTime: string | null;
  readonly lastTime: string | null;
  readonly records: number;
  readonly distinct: number;
  /** Records of a number that had come before with the same id: they collapse by id. */
  readonly repeated: number;
  /** Records of a number that had come before with another id: two events, of which none may be dropped. */
  readonly reused: number;
  /** Some of those numbers. */
  readonly reusedNumbers: readonly number[];
  /** Numbers that are not there and will not come: announced, expired, unannounced. */
  readonly missing: number;
  /** How many numbers the spans below cover; of very many spans only the first thousand are listed. */
  readonly counts: { readonly announced: number; readonly expired: number; readonly unannounced: number };
  /** By a gap, or by a dead letter that stands for it (cause `dead_letter`). */
  readonly announced: readonly (Span & Cause)[];
  /** They may have expired, or what announced them. */
  readonly expired: readonly Span[];
  readonly unannounced: readonly (Span & Between)[];
  /** First appearances behind a higher number in their partition. */
  readonly disordered: number;
  /** Numbers given that Kafka has not been said to have confirmed. */
  readonly lag: number;
  /** Those of them that are not there: they may be on their way. */
  readonly pending: number;
}

export interface LedgerReport {
  /** No number is missing unannounced, and none was used twice. */
  readonly ok: boolean;
  readonly records: number;
  /** Records that are no events of Sluice. */
  readonly foreign: number;
  readonly deadLetters: number;
  /** By instance, epoch and topic; epochs in the order in which they were. */
  readonly streams: readonly StreamReport[];
  readonly gaps: readonly Gap[];
}

export function isSound({ counts, reused }: StreamReport): boolean {
  return counts.unannounced === 0 && reused === 0;
}
