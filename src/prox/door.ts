/**
 * Where calls of prox wait that come before there is a bridge.
 *
 *   shut: calls wait ──open()──▶ open: they go straight to the bridge
 *
 * Until its plugin is ready prox lets everybody through. So `ready` is said first, and what decides is loaded behind it.
 *
 * Guarantee: a call waits no longer than its deadline. One that would fails, which prox takes for a refusal.
 */
import type { Clock } from "../clock.ts";
import type { Answer, Op } from "../op.ts";
import type { HookParts } from "./connection.ts";

export type Inside = Pick<HookParts, "handle" | "malformed">;

export class Door implements Inside {
  readonly #clock: Clock;
  readonly #opening = Promise.withResolvers<Inside>();
  #inside: Inside | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Once; what waits goes in first, in the order in which it came. */
  open(inside: Inside): void {
    this.#inside = inside;
    this.#opening.resolve(inside);
  }

  /** @param deadlineMs longest wait for an answer, in milliseconds, that at the door included */
  readonly handle: Inside["handle"] = (op, deadlineMs) =>
    this.#inside === null ? this.#wait(op, deadlineMs) : this.#inside.handle(op, deadlineMs);

  readonly malformed: Inside["malformed"] = (report) => {
    if (this.#inside !== null) this.#inside.malformed(report);
    else void this.#opening.promise.then(({ malformed }) => malformed(report));
  };

  async #wait(op: Op, deadlineMs: number): Promise<Answer> {
    const cameMs = this.#clock.monotonic();
    const late = Promise.withResolvers<never>();
    const cancel = this.#clock.after(deadlineMs, () =>
      late.reject(new Error("it came while the plugin began")),
    );
    try {
      const inside = await Promise.race([this.#opening.promise, late.promise]);
      return await inside.handle(op, deadlineMs - (this.#clock.monotonic() - cameMs));
    } finally {
      cancel();
    }
  }
}
