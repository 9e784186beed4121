/** Counts per name and minute, for a bounded number of names. */
import type { Clock } from "../clock.ts";

const windowMs = 60_000;
const mostNames = 10_000;

export class MinuteCounts {
  readonly #clock: Clock;
  #counts = new Map<string, number>();
  #beganMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#beganMs = clock.monotonic();
  }

  /** Adds one and gives the count of this minute. Beyond the bound on names, all further ones share one count. */
  add(name: string): number {
    const nowMs = this.#clock.monotonic();
    if (nowMs - this.#beganMs >= windowMs) {
      this.#counts.clear();
      this.#beganMs = nowMs;
    }
    const counted = this.#counts.has(name) || this.#counts.size < mostNames ? name : "";
    const count = (this.#counts.get(counted) ?? 0) + 1;
    this.#counts.set(counted, count);
    return count;
  }
}
