import type { Clock } from "../clock.ts";

/** Does things a while after they were asked for, each once however often that was; so a busy caller gets a rhythm. */
export class Rhythm {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, () => void>();
  #stopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  later(name: string, delayMs: number, task: () => void): void {
    if (this.#stopped || this.#waiting.has(name)) return;
    const cancel = this.#clock.after(delayMs, () => {
      this.#waiting.delete(name);
      task();
    });
    this.#waiting.set(name, cancel);
  }

  /** Nothing is done any more. */
  stop(): void {
    this.#stopped = true;
    for (const cancel of this.#waiting.values()) cancel();
    this.#waiting.clear();
  }
}
