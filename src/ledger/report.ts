/** What the ledger has found. */
import type { Cause, Gap } from "./announcements.ts";
import type { LeftOutReport } from "./left-out.ts";
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

/** What cannot be true of a session. */
export const sessionFaults = {
  unstarted: "without a start, but closed, ended or refused after all",
  unended: "without the end that a close, or a refusal after all, brings",
  unclosed: "without the close that the end names",
  unfounded: "without the inferred end that the announced one takes the place of",
  contradictory: "with two ends: by two closes, or announced and inferred side by side",
} as const;

export type SessionFault = keyof typeof sessionFaults;

/** Sessions with one fault, which an event of one epoch and topic shows. */
export interface SessionFinding {
  readonly fault: SessionFault;
  readonly epoch: string;
  readonly topic: string;
  readonly count: number;
  /** The first of them. */
  readonly examples: readonly SessionExample[];
}

export interface SessionExample {
  readonly session: string;
  /** Of the event that shows it. */
  readonly journalseq: number;
  readonly time: string | null;
}

/** The user sessions of one instance, over all its epochs. */
export interface SessionsReport {
  readonly instance: string;
  readonly started: number;
  /** Connections that were refused, also after all. */
  readonly refused: number;
  /** By a close that names them. */
  readonly closed: number;
  /** Closes that belong to no session. */
  readonly unpaired: number;
  /** One way or another. */
  readonly ended: number;
  readonly announced: number;
  readonly inferred: number;
  /** Of both: announced after they had been inferred. */
  readonly superseded: number;
  /** Started, and no end is there. */
  readonly open: number;
  /** Closed so lately that the end may be on its way. */
  readonly pending: number;
  /** What they lack may have expired, or be among the numbers that are not there. */
  readonly explained: number;
  /** Beyond how many are looked at when very many lack something. */
  readonly unjudged: number;
  readonly findings: readonly SessionFinding[];
}

export interface LedgerReport {
  /** No number is missing unannounced, none was used twice, and of no session is told what cannot be true. */
  readonly ok: boolean;
  readonly records: number;
  /** Records that are no events of Sluice. */
  readonly foreign: number;
  readonly deadLetters: number;
  /** By instance, epoch and topic; epochs in the order in which they were. */
  readonly streams: readonly StreamReport[];
  readonly gaps: readonly Gap[];
  /** By instance and epoch; of bridges that leave events out. */
  readonly leftOut: readonly LeftOutReport[];
  /** By instance; of those that have any. */
  readonly sessions: readonly SessionsReport[];
}

/** Of what was chosen of a report. */
export function isWhole({ streams, sessions }: Pick<LedgerReport, "streams" | "sessions">): boolean {
  return streams.every(isSound) && sessions.every(({ findings }) => findings.length === 0);
}

export function isSound({ counts, reused }: StreamReport): boolean {
  return counts.unannounced === 0 && reused === 0;
}
