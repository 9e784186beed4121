/** The records of one instance and epoch on one topic, as they are counted, and how that is judged. */
import type { Absence } from "./absences.ts";
import type { Cause, Unplaced } from "./announcements.ts";
import type { Counted } from "./event.ts";
import { Numbers } from "./numbers.ts";
import type { Between, StreamReport } from "./report.ts";
import { cutAt, type Span, SpanList, sizeOf, without } from "./span.ts";

const listedReused = 20;

/** What must be there, and what excuses a number that is not. */
export interface Judging {
  readonly given: number;
  readonly due: number;
  readonly expiredUpTo: number;
  readonly placed: readonly (Span & Cause)[];
  readonly unplaced: Unplaced;
  /** journalseq below which what announces a loss may have expired. */
  readonly silentBelow: number;
  /** journalseqs between which all of the epoch lies. */
  readonly within: readonly [above: number, below: number];
}

export class StreamLedger {
  readonly instance: string;
  readonly epoch: string;
  readonly topic: string;
  readonly numbers = new Numbers();
  /** Of each partition the number of the first record, and the highest one. */
  readonly partitions = new Map<number, { readonly first: number; highest: number }>();
  /** The lowest number that is younger than the retention. */
  firstYoung = Number.POSITIVE_INFINITY;
  readonly #youngFromMs: number;
  #records = 0;
  #repeated = 0;
  #reused = 0;
  #disordered = 0;
  readonly #reusedNumbers: number[] = [];

  constructor(instance: string, epoch: string, topic: string, youngFromMs: number) {
    this.instance = instance;
    this.epoch = epoch;
    this.topic = topic;
    this.#youngFromMs = youngFromMs;
  }

  /** @returns what the number is, as `Numbers.add` has it */
  add({ id, sequence, journalseq, ms }: Counted, partition: number): "new" | "same" | "other" {
    this.#records++;
    const seen = this.numbers.add(sequence, id, journalseq, ms);
    if (ms >= this.#youngFromMs && sequence < this.firstYoung) this.firstYoung = sequence;
    const inPartition = this.partitions.get(partition);
    if (inPartition === undefined) this.partitions.set(partition, { first: sequence, highest: sequence });
    else if (sequence > inPartition.highest) inPartition.highest = sequence;
    else if (seen === "new") this.#disordered++;
    if (seen === "same") this.#repeated++;
    if (seen === "other") {
      this.#reused++;
      if (this.#reusedNumbers.length < listedReused) this.#reusedNumbers.push(sequence);
    }
    return seen;
  }

  /**
   * Numbers up to `given` that are not there, but for those that gaps name.
   * @param within as in Judging
   */
  *absences(given: number, placed: readonly (Span & Cause)[], within: Judging["within"]): Generator<Absence> {
    const named = placed.filter(({ cause }) => cause !== "dead_letter");
    for (const hole of this.numbers.holes(given)) {
      const left = without(hole, named, () => {});
      const count = left.reduce((sum, part) => sum + sizeOf(part), 0);
      const { below, above } = this.numbers.around(hole);
      if (count === 0) continue;
      yield { after: below?.journalseq ?? within[0], before: above?.journalseq ?? within[1], count };
    }
  }

  report(judging: Judging): StreamReport {
    const { given, due, placed } = judging;
    const announced = new SpanList<Cause>();
    const expired = new SpanList();
    const unannounced = new SpanList<Between>();
    let pending = 0;
    const found: Found = { announced, expired, unannounced };
    for (const hole of this.numbers.holes(given)) {
      const rest = without(hole, placed, (part, { cause }) => announced.add(part, { cause }));
      for (const part of rest) {
        const [owed, open] = cutAt(part, due);
        pending += sizeOf(open);
        if (sizeOf(owed) > 0) this.#judge(owed, hole, judging, found);
      }
    }
    const { lowest, highest, distinct } = this.numbers;
    return {
      instance: this.instance,
      epoch: this.epoch,
      topic: this.topic,
      first: lowest?.number ?? 0,
      last: given,
      firstTime: timeOf(lowest?.ms),
      lastTime: timeOf(highest?.ms),
      records: this.#records,
      distinct,
      repeated: this.#repeated,
      reused: this.#reused,
      reusedNumbers: this.#reusedNumbers,
      missing: announced.count + expired.count + unannounced.count,
      counts: { announced: announced.count, expired: expired.count, unannounced: unannounced.count },
      announced: announced.spans,
      expired: expired.spans,
      unannounced: unannounced.spans,
      disordered: this.#disordered,
      lag: given - due,
      pending,
    };
  }

  /** A hole, or a part of one, that must be there and is not named. */
  #judge(part: Span, hole: Span, judging: Judging, found: Found): void {
    const { expiredUpTo, unplaced, silentBelow, within } = judging;
    const [gone, rest] = cutAt(part, expiredUpTo);
    found.expired.add(gone, {});
    const { below, above } = this.numbers.around(hole);
    const between = [below?.journalseq ?? within[0], above?.journalseq ?? within[1]] as const;
    let left = rest;
    while (sizeOf(left) > 0) {
      const taken = unplaced.take(this.instance, this.epoch, sizeOf(left), between);
      if (taken === null) break;
      const [named, behind] = cutAt(left, left.first + taken.count - 1);
      found.announced.add(named, { cause: taken.cause });
      left = behind;
    }
    // Its first number may stand right behind what was seen below it.
    if (between[0] + 1 < silentBelow) found.expired.add(left, {});
    else found.unannounced.add(left, { after: timeOf(below?.ms), before: timeOf(above?.ms) });
  }
}

interface Found {
  readonly announced: SpanList<Cause>;
  readonly expired: SpanList;
  readonly unannounced: SpanList<Between>;
}

function timeOf(ms: number | undefined): string | null {
  const time = new Date(ms ?? Number.NaN);
  return Number.isNaN(time.getTime()) ? null : time.toISOString();
}
