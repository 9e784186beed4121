/**
 * Attempts at one thing until it succeeds, each later than the one before.
 *
 *   well ──failed──▶ failing ──failed, 3 in all──▶ hopeless
 *     ▲                 │                             │
 *     └─────reset───────┴─────────────────────────────┘
 *
 * Guarantee: once halted, no attempt is made.
 */
import type { Clock } from "../clock.ts";
import type { Limits } from "./limits.ts";

/** So many failures in a row are more than those of one that only has yet to learn who leads. */
const hopelessFrom = 3;

export interface RetryParts {
  readonly clock: Clock;
  readonly random: () => number;
  readonly limits: Limits;
}

export class Retry {
  readonly #parts: RetryParts;
  readonly #attempt: () => void;
  #failures = 0;
  #halted = false;
  #cancel: (() => void) | null = null;

  /** @param attempt made anew a while after each failure */
  constructor(parts: RetryParts, attempt: () => void) {
    this.#parts = parts;
    this.#attempt = attempt;
  }

  get failing(): boolean {
    return this.#failures > 0;
  }

  /** Failing more often than what only has yet to learn who leads. */
  get hopeless(): boolean {
    return this.#failures >= hopelessFrom;
  }

  get halted(): boolean {
    return this.#halted;
  }

  failed(): void {
    this.#failures += 1;
    if (this.#halted) return;
    const { clock, limits, random } = this.#parts;
    this.#cancel = clock.after(delayMs(this.#failures, limits, random), this.#attempt);
  }

  /** It has succeeded, or is to be tried as if it had not failed yet. */
  reset(): void {
    this.#failures = 0;
    this.cancel();
  }

  /** The next attempt is made by the caller. */
  cancel(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  halt(): void {
    this.#halted = true;
    this.cancel();
  }
}

/** Doubles from the first wait to the longest; half of it by chance, so that not all knock at once. */
export function delayMs(failures: number, limits: Limits, random: () => number): number {
  const whole = Math.min(limits.retryMaxMs, limits.retryFirstMs * 2 ** (failures - 1));
  return whole / 2 + (whole / 2) * random();
}
