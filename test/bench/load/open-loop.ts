/**
 * Says which calls are due, and from when each one's time counts.
 *
 * Calls come as a Poisson process, whether earlier ones have been answered or not. One that finds no connection free
 * waits, and its time counts from when it was due: a server that stalls is seen to stall.
 */
export class OpenLoop {
  readonly #perSecond: number;
  readonly #random: () => number;
  readonly #waiting: number[] = [];
  #dueMs: number;

  /** @param random from 0 up to 1 */
  constructor(perSecond: number, nowMs: number, random: () => number) {
    this.#perSecond = perSecond;
    this.#random = random;
    this.#dueMs = nowMs + this.#gapMs();
  }

  /** When the next call will be due. */
  get nextMs(): number {
    return this.#dueMs;
  }

  /** When each call was due that has not been taken. */
  get waiting(): readonly number[] {
    return this.#waiting;
  }

  /** When the call was due that is to be sent now; undefined where none is. */
  take(nowMs: number): number | undefined {
    for (; this.#dueMs <= nowMs; this.#dueMs += this.#gapMs()) this.#waiting.push(this.#dueMs);
    return this.#waiting.shift();
  }

  #gapMs(): number {
    return (-Math.log(1 - this.#random()) / this.#perSecond) * 1000;
  }
}
