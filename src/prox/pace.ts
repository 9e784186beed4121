/**
 * How fast lines go to prox: it keeps 32 of them that it has not taken yet, drops the next, and tells the plugin nothing.
 *
 * Guarantee: within any span of T milliseconds at most `mostAtOnce + T / everyMs` lines are let through, those of the log
 * included. A prox that takes none for 400 ms still drops none. The log never uses up the last `keptForPushes`.
 */
import type { Clock } from "../clock.ts";

export const mostAtOnce = 24;
export const everyMs = 50;
const keptForPushes = 8;

export class Pace {
  readonly #clock: Clock;
  #room = mostAtOnce;
  #atMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#atMs = clock.monotonic();
  }

  /** False when it must wait, `everyMs` at least. */
  takePush(): boolean {
    return this.#take(1);
  }

  /** False when the line is to be left out. */
  takeLog(): boolean {
    return this.#take(1 + keptForPushes);
  }

  #take(least: number): boolean {
    const nowMs = this.#clock.monotonic();
    this.#room = Math.min(mostAtOnce, this.#room + (nowMs - this.#atMs) / everyMs);
    this.#atMs = nowMs;
    if (this.#room < least) return false;
    this.#room -= 1;
    return true;
  }
}
