/**
 * When something may be done again that costs nearly as much for one record as for ten, a send or a reading: what comes
 * soon after it waits for more.
 *
 *   free ──began──▶ resting ──lingerMs──▶ free        hurry(): free for good
 *
 * Guarantee: what has waited for `lingerMs`, or fills a batch, waits no longer; the first behind a pause never waits.
 */
import type { Clock } from "../clock.ts";

export class Pace {
  readonly #clock: Clock;
  readonly #go: () => void;
  #lingerMs: number;
  #freeAtMs = Number.NEGATIVE_INFINITY;
  #cancel: (() => void) | null = null;

  /** @param go called when a rest is over that somebody asked about */
  constructor(clock: Clock, lingerMs: number, go: () => void) {
    this.#clock = clock;
    this.#lingerMs = lingerMs;
    this.#go = go;
  }

  /** Whether it rests; `go` is called once it does not any more. */
  rests(): boolean {
    const leftMs = this.#freeAtMs - this.#clock.monotonic();
    if (leftMs <= 0) return false;
    this.#cancel ??= this.#clock.after(leftMs, () => {
      this.#cancel = null;
      this.#go();
    });
    return true;
  }

  /** It is done. */
  began(): void {
    this.halt();
    this.#freeAtMs = this.#clock.monotonic() + this.#lingerMs;
  }

  /** Nothing waits for more any longer. */
  hurry(): void {
    this.halt();
    this.#lingerMs = 0;
    this.#freeAtMs = Number.NEGATIVE_INFINITY;
  }

  halt(): void {
    this.#cancel?.();
    this.#cancel = null;
  }
}
