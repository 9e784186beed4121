/** What the policy said at every moment, as its operator knows it, and so what an answer may have been. */
import { isRefusable } from "../app/call-mix.ts";
import type { Answer } from "../app/load.ts";

/** A user's rule was written: the reason it refuses with, null when it allows. Times by performance.now(). */
interface Writing {
  readonly reason: string | null;
  readonly sentMs: number;
  /** Infinity while Redis has not answered. */
  confirmedMs: number;
}

/** `stale`: as an older rule had it. `baseless`: as no rule of this user ever had it. */
export type Fault = "stale" | "baseless";

export class Rulings {
  readonly #writings = new Map<string, Writing[]>();

  /** Call `confirmed` when Redis has answered. */
  writes(user: string, reason: string | null): { confirmed: () => void } {
    const writing: Writing = { reason, sentMs: performance.now(), confirmedMs: Number.POSITIVE_INFINITY };
    const all = this.#writings.get(user) ?? [this.#none()];
    all.push(writing);
    this.#writings.set(user, all);
    return {
      confirmed: () => {
        writing.confirmedMs = performance.now();
      },
    };
  }

  /** By what was written last. */
  refusedNow(): Set<string> {
    const refused = [...this.#writings].filter(([, all]) => all.at(-1)!.reason !== null);
    return new Set(refused.map(([user]) => user));
  }

  /** Users whose rule was another one for some time that ended before `beforeMs`. */
  changedBefore(beforeMs: number): string[] {
    return [...this.#writings].flatMap(([user, all]) => {
      // What stood there at first was loaded, and not told as a change.
      const changes = all.slice(2).filter(({ confirmedMs }) => confirmedMs < beforeMs);
      return changes.length > 0 ? [user] : [];
    });
  }

  /**
   * What is wrong with an answer, if each rule must be in force `boundMs` after Redis confirmed it and may be from
   * the moment it was sent there.
   */
  faultOf({ call, refused, sentMs, atMs }: Answer, boundMs: number): Fault | null {
    if (!isRefusable(call)) return refused === null ? null : "baseless";
    const writings = this.#writings.get(call.user) ?? [this.#none()];
    const settled = writings.findLastIndex(({ confirmedMs }) => confirmedMs <= sentMs - boundMs);
    const possible = writings.slice(Math.max(0, settled)).filter((writing) => writing.sentMs <= atMs);
    if (possible.some(({ reason }) => reason === refused)) return null;
    return writings.some(({ reason }) => reason === refused) ? "stale" : "baseless";
  }

  /** Of a user that has no rule yet. */
  #none(): Writing {
    return { reason: null, sentMs: Number.NEGATIVE_INFINITY, confirmedMs: Number.NEGATIVE_INFINITY };
  }
}
