/**
 * Since when the oldest durable record waits to be acknowledged, to about a second.
 *
 * A mark is made at most once a second, and names the last record that was durable when the next one was made; so a mark
 * is over when all its records are acknowledged. When there are too many marks, each second one goes into the one before
 * it, and new ones are made half as often: memory is bounded, and a long wait may seem a little longer, never shorter.
 */
import type { Clock } from "../clock.ts";

interface Mark {
  /** When its first record became durable; monotonic. */
  readonly sinceMs: number;
  /** Its last record. */
  last: number;
}

const firstEveryMs = 1000;
const mostMarks = 1024;

export class Backlog {
  readonly #clock: Clock;
  /** Oldest first. */
  #marks: Mark[] = [];
  #everyMs = firstEveryMs;

  /** @param last the last durable record of an earlier epoch */
  constructor(clock: Clock, last: number, acknowledged: number) {
    this.#clock = clock;
    if (last > acknowledged) this.durable(last);
  }

  /** Records up to this one are durable. */
  durable(journalseq: number): void {
    const nowMs = this.#clock.monotonic();
    const newest = this.#marks.at(-1);
    if (newest !== undefined && nowMs - newest.sinceMs < this.#everyMs) newest.last = journalseq;
    else this.#marks.push({ sinceMs: nowMs, last: journalseq });
    if (this.#marks.length > mostMarks) this.#thin();
  }

  acknowledged(journalseq: number): void {
    let over = 0;
    while (over < this.#marks.length && this.#marks[over]!.last <= journalseq) over++;
    if (over > 0) this.#marks.splice(0, over);
    if (this.#marks.length === 0) this.#everyMs = firstEveryMs;
  }

  /** Milliseconds; 0 when nothing waits. */
  get ageMs(): number {
    const [oldest] = this.#marks;
    return oldest === undefined ? 0 : this.#clock.monotonic() - oldest.sinceMs;
  }

  #thin(): void {
    const marks = this.#marks;
    this.#everyMs *= 2;
    this.#marks = marks
      .filter((_, i) => i % 2 === 0)
      .map(({ sinceMs, last }, i) => ({ sinceMs, last: marks[2 * i + 1]?.last ?? last }));
  }
}
