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
import type { Held, Rule } from "./rule.ts";
import { readKey } from "./rule-key.ts";
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

export interface Change {
  readonly key: string;
  readonly before: string | null;
  readonly after: string | null;
  readonly cause: Cause;
  /** What the new value was read as; null when the rule is gone. */
  readonly rule: Rule | null;
  /** Gives the revision before. */
  readonly from: () => string;
}

/** Rules that are looked at or expired in one turn of the event loop. */
export const partRules = 1000;
/** A key gone this shortly before its time has ended and was not deleted: clocks and replies differ a little. */
const endsSoonMs = 1000;

export class HeldRules {
  readonly rules = new RuleSet();
  readonly #clock: Clock;
  readonly #onChange: (change: Change) => void;
  readonly #expiries = new Expiries<Rule>((rule, atMs) => rule.endsAtMs === atMs);
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
    return this.rules.size;
  }

  /** How many rules are kept. */
  get kept(): number {
    return this.#kept;
  }

  get(key: string): Rule | undefined {
    return this.rules.get(key);
  }

  all(): Iterable<Rule> {
    return this.rules.all();
  }

  some(test: (rule: Rule) => boolean): boolean {
    for (const rule of this.rules.all()) if (test(rule)) return true;
    return false;
  }

  isKept(rule: Held): boolean {
    return rule.round <= this.#keptUpTo;
  }

  endsSoon(rule: Held): boolean {
    return rule.endsAtMs !== null && rule.endsAtMs - this.#clock.monotonic() <= endsSoonMs;
  }

  put({ key, value, leftMs }: Entry, round: number, cause: Cause): void {
    const read = readKey(key);
    const before = this.rules.find(read);
    if (before) this.#forget(before);
    const from = this.rules.markRevision();
    const changed = before?.value !== value;
    const rule = changed ? this.rules.put(read, value, before) : before;
    rule.round = round;
    if (leftMs !== null) {
      rule.endsAtMs = this.#clock.monotonic() + leftMs;
      this.#withTtl += 1;
      this.#expiries.add(rule, rule.endsAtMs, this.#withTtl);
      this.#arm();
    }
    if (changed) this.#onChange({ key, before: before?.value ?? null, after: value, cause, rule, from });
  }

  remove(key: string, cause: Cause): void {
    const rule = this.rules.get(key);
    if (rule) this.#remove(rule, cause);
  }

  /** Removes every rule for which `causeOf` has a cause; gives way to other work after each part. */
  async sweep(causeOf: (rule: Rule) => Cause | null): Promise<void> {
    let looked = 0;
    for (const rule of this.rules.all()) {
      const cause = causeOf(rule);
      if (cause) this.#remove(rule, cause);
      looked += 1;
      if (looked % partRules === 0) await turn();
    }
  }

  /** Every rule that the source has not had since this round is kept from now on. */
  keepAll(round: number): void {
    this.#keptUpTo = round;
    this.#kept = 0;
    for (const rule of this.rules.all()) if (this.isKept(rule)) this.#kept += 1;
  }

  close(): void {
    this.#timer?.cancel();
  }

  #remove(rule: Rule, cause: Cause): void {
    // Another may have taken its place meanwhile.
    const from = this.rules.markRevision();
    if (!this.rules.remove(rule)) return;
    this.#forget(rule);
    const key = rule.key.text;
    this.#onChange({ key, before: rule.value, after: null, cause, rule: null, from });
  }

  /** Takes a rule that is about to change or go out of the counts. */
  #forget(rule: Rule): void {
    if (rule.endsAtMs !== null) this.#withTtl -= 1;
    rule.endsAtMs = null;
    if (this.isKept(rule)) this.#kept -= 1;
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
      const rule = this.#expiries.due(nowMs);
      if (rule === null) break;
      this.#remove(rule, "expired");
    }
    this.#arm();
  }
}
