/** What was acquired is released in reverse, each with a deadline, whatever the others do. */
import type { Clock } from "./clock.ts";
import { textOf } from "./errors.ts";
import type { Log } from "./log.ts";

/** In milliseconds, or how they are known when it comes to that. */
type Deadline = number | (() => number);

interface Held {
  readonly name: string;
  readonly deadlineMs: Deadline;
  readonly release: () => Promise<void> | void;
}

export class Resources {
  readonly #held: Held[] = [];
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Registers how a thing is released; to be called right where it was acquired. */
  onRelease(name: string, deadlineMs: Deadline, release: () => Promise<void> | void): void {
    this.#held.push({ name, deadlineMs, release });
  }

  /** Never rejects: what cannot be released in time is logged and left. */
  async release(): Promise<void> {
    for (let held = this.#held.pop(); held !== undefined; held = this.#held.pop()) {
      const { name, deadlineMs, release } = held;
      try {
        await this.#within(typeof deadlineMs === "number" ? deadlineMs : deadlineMs(), release);
      } catch (thrown) {
        this.#log.error(
          { resource: name, problem: textOf(thrown) },
          "could not be released in time or at all",
        );
      }
    }
  }

  #within(deadlineMs: number, release: () => Promise<void> | void): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(deadlineMs, () =>
        reject(new Error(`still busy after ${deadlineMs} ms`)),
      );
      Promise.resolve().then(release).then(resolve, reject).finally(cancel);
    });
  }
}
