import type { JournalRecord } from "../journal/record.ts";

/** Where a record stands: in the whole journal, and in its topic within its epoch. */
export type Position = Pick<JournalRecord, "journalseq" | "sequence" | "epoch">;

export function positionOf({ journalseq, sequence, epoch }: JournalRecord): Position {
  return { journalseq, sequence, epoch };
}

/** The one that comes first in the journal; null stands for none. */
export function earlier(a: Position | null, b: Position | null): Position | null {
  if (a === null || b === null) return a ?? b;
  return b.journalseq < a.journalseq ? b : a;
}
