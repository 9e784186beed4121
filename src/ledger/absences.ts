/**
 * Numbers that are not there, by where they may have stood: each may have been the event that something else lacks.
 *
 * A hole lies between the numbers seen around it, a gap in the span that it names. So of an event that is not there
 * it can be told whether a missing number may be it, but not which; and no more of them are explained than numbers
 * are missing at the right side of what lacks them.
 */

/** So many numbers somewhere between two journalseqs. */
export interface Absence {
  readonly after: number;
  readonly before: number;
  readonly count: number;
}

interface Lacking {
  readonly journalseq: number;
}

/** Those whose event, which stood before them, can be none of the absent ones. */
export function lackingBefore<L extends Lacking>(all: readonly L[], absences: readonly Absence[]): L[] {
  const sorted = absences.toSorted((a, b) => a.after - b.after);
  let [next, room] = [0, 0];
  return all
    .toSorted((a, b) => a.journalseq - b.journalseq)
    .filter(({ journalseq }) => {
      for (; next < sorted.length && sorted[next]!.after + 1 < journalseq; next++)
        room += sorted[next]!.count;
      if (room === 0) return true;
      room--;
      return false;
    });
}

/** Those whose event, which follows them, can be none of the absent ones. */
export function lackingBehind<L extends Lacking>(all: readonly L[], absences: readonly Absence[]): L[] {
  const mirrored = all.map((one) => ({ one, journalseq: -one.journalseq }));
  const turned = absences.map(({ after, before, count }) => ({ after: -before, before: -after, count }));
  return lackingBefore(mirrored, turned)
    .map(({ one }) => one)
    .reverse();
}
