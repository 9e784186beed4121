/**
 * What an instance has said of its numbers: which it gave, and which Kafka has.
 *
 *   given  ≥  due: must be on the topics, since Kafka confirmed it, or a gap must name it
 *
 * Above what is due a hole is no loss: partitions travel apart, so a number may come before those below it.
 *
 * Of its own epoch `bridge.progress` names the last number per topic below which all is confirmed. Of earlier epochs
 * it says only up to which journalseq all is confirmed. An epoch starts behind everything of the one before, so
 * where that journalseq has reached the `bridge.started` of an epoch, all that earlier ones gave is due. Of an
 * earlier epoch that is confirmed in part nothing above its own last progress is due yet.
 */
import { type Counted, countIn, dataOf, fieldsOf, openSpansIn } from "./event.ts";

class Epoch {
  /** The lowest journalseq known of it. It begins there or below, and behind every epoch before it. */
  lowest = Number.POSITIVE_INFINITY;
  highest = 0;
  /** The lowest journalseq of an op's event. */
  firstOp = Number.POSITIVE_INFINITY;
  /** journalseq of its bridge.started. */
  started: number | null = null;
  /** Its time; NaN when not known. */
  startedMs = Number.NaN;
  previous: string | null = null;
  readonly given = new Map<string, number>();
  readonly confirmed = new Map<string, number>();
}

export class Words {
  /** The earliest time of a record; NaN when none says any. */
  outsetMs = Number.NaN;
  /** Up to which journalseq all is confirmed. */
  #acknowledged = 0;
  readonly #epochs = new Map<string, Epoch>();

  /** A record is there. */
  saw({ epoch, journalseq, ms }: Counted): void {
    if (!(ms >= this.outsetMs)) this.outsetMs = Number.isNaN(ms) ? this.outsetMs : ms;
    const known = this.#epochOf(epoch);
    if (journalseq < known.lowest) known.lowest = journalseq;
    if (journalseq > known.highest) known.highest = journalseq;
  }

  /** It is an op's event. */
  sawOp({ epoch, journalseq }: Counted): void {
    const known = this.#epochOf(epoch);
    if (journalseq < known.firstOp) known.firstOp = journalseq;
  }

  /** bridge.started: which epoch was before, and what it gave. */
  started({ epoch, journalseq, ms }: Counted, value: string): void {
    const { previous, topics } = dataOf(value);
    const { epoch: before, topics: left } = fieldsOf(previous);
    const known = this.#epochOf(epoch);
    known.started = journalseq;
    known.startedMs = ms;
    this.#gave(known, topics);
    if (typeof before !== "string") return;
    known.previous = before;
    this.#gave(this.#epochOf(before), left);
  }

  /** bridge.stopped: what the epoch gave. */
  stopped({ epoch }: Counted, value: string): void {
    this.#gave(this.#epochOf(epoch), dataOf(value).topics);
  }

  /** bridge.progress: what is confirmed. */
  progressed({ epoch }: Counted, value: string): void {
    const { journalseq, topics } = dataOf(value);
    const known = this.#epochOf(epoch);
    this.#acknowledged = Math.max(this.#acknowledged, countIn(journalseq) ?? 0);
    this.#gave(known, topics);
    for (const [topic, { last }] of openSpansIn(topics)) raise(known.confirmed, topic, last ?? 0);
  }

  /** Something else shows that a number was given: a gap, or a dead letter. */
  gave(epoch: string, topic: string, number: number): void {
    raise(this.#epochOf(epoch).given, topic, number);
  }

  /** Every epoch and topic of which a number above 0 was named. */
  *named(): Generator<{ readonly epoch: string; readonly topic: string }> {
    for (const [epoch, { given }] of this.#epochs) {
      for (const [topic, number] of given) if (number > 0) yield { epoch, topic };
    }
  }

  /** The highest number that was given, and the one up to which all must be there. */
  of(epoch: string, topic: string, highestSeen: number): { readonly given: number; readonly due: number } {
    const known = this.#epochOf(epoch);
    const given = Math.max(highestSeen, known.given.get(topic) ?? 0);
    return { given, due: this.#isWhole(epoch) ? given : Math.min(given, known.confirmed.get(topic) ?? 0) };
  }

  /**
   * Whether Kafka has what was journaled right behind a record of this epoch. What a crash kept from that is made up
   * for by a later epoch, before its first op.
   */
  hasNext({ epoch, journalseq }: { readonly epoch: string; readonly journalseq: number }): boolean {
    if (this.#acknowledged <= journalseq) return false;
    if (this.#epochOf(epoch).highest > journalseq) return true;
    return [...this.#epochs.values()].some(
      ({ lowest, firstOp }) => lowest > journalseq && firstOp <= this.#acknowledged,
    );
  }

  /** Epochs come in the order of this; Infinity when nothing is known. */
  orderOf(epoch: string): number {
    const { lowest } = this.#epochOf(epoch);
    if (lowest < Number.POSITIVE_INFINITY) return lowest;
    const next = [...this.#epochs.values()].find(({ previous }) => previous === epoch);
    // Behind nothing of it but before all of the next one.
    return next === undefined ? Number.POSITIVE_INFINITY : next.lowest - 0.5;
  }

  /** When it began, by its bridge.started; NaN when not known. */
  startOf(epoch: string): number {
    return this.#epochOf(epoch).startedMs;
  }

  /** Below which journalseq all records of an epoch are, where a later epoch says so; else Infinity. */
  endOf(epoch: string): number {
    const order = this.orderOf(epoch);
    const later = [...this.#epochs.values()].filter(({ lowest }) => lowest > order);
    return Math.min(Number.POSITIVE_INFINITY, ...later.map(({ lowest }) => lowest));
  }

  #isWhole(epoch: string): boolean {
    const order = this.orderOf(epoch);
    for (const { started, lowest } of this.#epochs.values()) {
      if (started !== null && started <= this.#acknowledged && lowest > order) return true;
    }
    return false;
  }

  #gave(epoch: Epoch, topics: unknown): void {
    for (const [topic, { last }] of openSpansIn(topics)) raise(epoch.given, topic, last ?? 0);
  }

  #epochOf(epoch: string): Epoch {
    const known = this.#epochs.get(epoch);
    if (known !== undefined) return known;
    const added = new Epoch();
    this.#epochs.set(epoch, added);
    return added;
  }
}

function raise(counts: Map<string, number>, topic: string, number: number): void {
  if (number > (counts.get(topic) ?? 0)) counts.set(topic, number);
}
