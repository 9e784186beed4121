/**
 * The first load of the policy, tried again until it is there.
 *
 *   trying ──the source has started──▶ done       stop(): done as well, once what is tried comes to its end
 *
 * A policy file that cannot be read is no reason for a plugin of prox to go: prox would then refuse everybody, or stand
 * open.
 */
import type { Clock } from "../clock.ts";
import { textOf } from "../errors.ts";
import type { PolicyLog, PolicySource } from "../policy/policy.ts";

const retryMs = 1_000;
const redisPatienceMs = 100;

export class FirstLoad {
  /** Resolves when the source has started, or stop() was called. */
  readonly done: Promise<void>;
  readonly #source: PolicySource;
  readonly #clock: Clock;
  readonly #log: PolicyLog;
  readonly #first: Promise<void>;
  #stopping = false;
  #endPause = (): void => {};

  constructor(source: PolicySource, clock: Clock, log: PolicyLog) {
    this.#source = source;
    this.#clock = clock;
    this.#log = log;
    this.#first = source.start();
    this.done = this.#try();
  }

  stop(): void {
    this.#stopping = true;
    this.#endPause();
  }

  /**
   * Resolves when the first calls can be decided: the first load was tried, or it takes too long. For a file that is half
   * of a call's deadline; for Redis a moment, and none where the rules of an earlier process are known.
   * @param known whether they are
   */
  async awaited(known: boolean, deadlineMs: number): Promise<void> {
    const isFile = this.#source.state().kind === "file";
    if (known && !isFile) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(isFile ? deadlineMs / 2 : redisPatienceMs, resolve);
      const tried = (): void => {
        cancel();
        resolve();
      };
      this.#first.then(tried, tried);
    });
  }

  async #try(): Promise<void> {
    let told = "";
    for (let loading = this.#first; ; loading = this.#source.start()) {
      try {
        return await loading;
      } catch (thrown) {
        const problem = textOf(thrown);
        if (problem !== told)
          this.#log.error({ problem }, "no policy; everything is refused until there is one");
        told = problem;
      }
      await this.#pause();
      if (this.#stopping) return;
    }
  }

  async #pause(): Promise<void> {
    if (this.#stopping) return;
    await new Promise<void>((resume) => {
      this.#endPause = resume;
      this.#clock.after(retryMs, resume);
    });
  }
}
