/**
 * The rules in force with what their source said of them: value, end, and when it last had them.
 *
 *   put ──▶ held ──remove, sweep, or its time──▶ gone
 *            │ ▲
 *    keepAll │ │ put
 *            ▼ │
 *           kept: the source no longer has it, and it stays in force all the same
 *
 * Guarantees: a rule with a TTL ends on time with nobody's help; whatever changes is told through `onChange`,
 * after it is in force.
 */
import { setImmediate as turn } from "node:timers/promises";
import type { Clock } from "../clock.ts";
import { Expiries } from "./expiries.ts";
import type { PolicyNote } from "./policy.ts";
import type { Rule } from "./rule.ts";
import { RuleSet } from "./rule-set.ts";

/** One key of the source as it is now. */
export interface Entry {
  /** Without prefix: `user:alice`. */
  readonly key: string;
  readonly value: string;
  /** What is left of its TTL, milliseconds; null when it has none. */
  readonly leftMs: number | null;
}

export type Cause = Extract<PolicyNote, { kind: "changed" }>["cause"];

export interface Held {
  readonly value: string;
  /** On the monotonic clock. */
  readonly endsAtMs: number | null;
  /** The newest resync at the time when the source last had this key. */
  readonly round: number;
}

export interface Change {
  readonly key: string;
  readonly before: string | null;
  readonly after: string | null;
  readonly cause: Cause;
  /** What the new value was read as; null when the rule is gone. */
  readonly rule: Rule | null;
  /** The revision before. */
  readonly from: string;
}

/** Rules that are looked at or expired in one turn of the event loop. */
export const partRules = 1000;
/** A key gone this shortly before its time has ended and was not deleted: clocks and replies differ a little. */
const endsSoonMs = 1000;

export class HeldRules {
  readonly rules = new RuleSet();
  readonly #clock: Clock;
  readonly #onChange: (change: Change) => void;
  readonly #held = new Map<string, Held>();
  readonly #expiries = new Expiries((key, atMs) => this.#held.get(key)?.endsAtMs === atMs);
  #timer: { readonly atMs: number; readonly cancel: () => void } | null = null;
  #withTtl = 0;
  /** Rules whose round is not above this are kept. */
  #keptUpTo = -1;
  #kept = 0;

  constructor(clock: Clock, onChange: (change: Change) => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  get size(): number {
    return this.#held.size;
  }

  /** How many rules are kept. */
  get kept(): number {
    return this.#kept;
  }

  get(key: string): Held | undefined {
    return this.#held.get(key);
  }

  entries(): Iterable<[string, Held]> {
    return this.#held;
  }

  some(test: (held: Held) => boolean): boolean {
    for (const held of this.#held.values()) if (test(held)) return true;
    return false;
  }

  isKept(held: Held): boolean {
    return held.round <= this.#keptUpTo;
  }

  endsSoon(held: Held): boolean {
    return held.endsAtMs !== null && held.endsAtMs - this.#clock.monotonic() <= endsSoonMs;
  }

  put({ key, value, leftMs }: Entry, round: number, cause: Cause): void {
    const held = this.#held.get(key);
    if (held) this.#forget(held);
    const endsAtMs = leftMs === null ? null : this.#clock.monotonic() + leftMs;
    const from = this.rules.revision;
    const rule = held?.value === value ? null : this.rules.set(key, value);
    // The rule's own text where there is one: a million plain allows share theirs.
    this.#held.set(key, { value: rule ? rule.value : value, endsAtMs, round });
    if (endsAtMs !== null) {
      this.#withTtl += 1;
      this.#expiries.add(key, endsAtMs, this.#withTtl);
      this.#arm();
    }
    if (rule) this.#onChange({ key, before: held?.value ?? null, after: value, cause, rule, from });
  }

  remove(key: string, cause: Cause): void {
    const held = this.#held.get(key);
    if (!held) return;
    this.#forget(held);
    this.#held.delete(key);
    const from = this.rules.revision;
    this.rules.delete(key);
    this.#onChange({ key, before: held.value, after: null, cause, rule: null, from });
  }

  /** Removes every rule for which `causeOf` has a cause; gives way to other work after each part. */
  async sweep(causeOf: (held: Held, key: string) => Cause | null): Promise<void> {
    let looked = 0;
    for (const [key, held] of this.#held) {
      const cause = causeOf(held, key);
      if (cause) this.remove(key, cause);
      looked += 1;
      if (looked % partRules === 0) await turn();
    }
  }

  /** Every rule that the source has not had since this round is kept from now on. */
  keepAll(round: number): void {
    this.#keptUpTo = round;
    this.#kept = 0;
    for (const held of this.#held.values()) if (this.isKept(held)) this.#kept += 1;
  }

  close(): void {
    this.#timer?.cancel();
  }

  /** Takes a rule that is about to change or go out of the counts. */
  #forget(held: Held): void {
    if (held.endsAtMs !== null) this.#withTtl -= 1;
    if (this.isKept(held)) this.#kept -= 1;
  }

  /** One timer, for the nearest end. */
  #arm(): void {
    const atMs = this.#expiries.nextMs();
    if (atMs === null || (this.#timer && this.#timer.atMs <= atMs)) return;
    this.#timer?.cancel();
    const cancel = this.#clock.after(Math.ceil(atMs - this.#clock.monotonic()), () => this.#expire());
    this.#timer = { atMs, cancel };
  }

  #expire(): void {
    this.#timer = null;
    const nowMs = this.#clock.monotonic();
    for (let ended = 0; ended < partRules; ended++) {
      const key = this.#expiries.due(nowMs);
      if (key === null) break;
      this.remove(key, "expired");
    }
    this.#arm();
  }
}
