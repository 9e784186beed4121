/**
 * Findings that remember each rule they met: what became of it, and what each of its conditions saw.
 *
 * Guarantee: what is found is what Findings finds. Everything here looks on, and asks what Findings passed over once
 * more, aside.
 */
import type { Check } from "../decision.ts";
import { Findings, type Refusal } from "./findings.ts";
import { type OutOfForce, outOfForce } from "./out-of-force.ts";
import type { ReadableRule, Rule } from "./rule.ts";
import { type RuleTerms, redactedValue } from "./rule-value.ts";

/**
 * What became of a rule, the weightiest first. `held`: it grants nothing, or not the whole op, and refuses nothing.
 * `not_needed`: a group that does not let pass, beside one that does. `outranked`: of its scope a more exact one counts.
 */
const outcomes = [
  "refused",
  "would_refuse",
  "granted",
  "held",
  "not_needed",
  "outranked",
  "out_of_force",
] as const;
export type Outcome = (typeof outcomes)[number];
const lets: ReadonlySet<Outcome> = new Set(["granted", "held"]);

export interface MetRule {
  /** Without prefix: `user:alice`. */
  readonly key: string;
  /** As it may be published; null where a group is missing. */
  readonly value: string | null;
  /** Null where the rule is missing or cannot be read. */
  readonly effect: RuleTerms["effect"] | null;
  readonly outcome: Outcome;
  /** Why, where the outcome alone does not say. */
  readonly detail: string | null;
  /** All of them, in the order in which they are asked: the first that fails decides. */
  readonly conditions: readonly Omit<Check, "rule">[];
}

interface Entry {
  readonly rule: Rule | null;
  outcome: Outcome;
  detail: string | null;
  /** By the first condition that failed. */
  failing: Refusal | null;
  conditions: readonly Omit<Check, "rule">[];
}

const outOfForceText: Readonly<Record<OutOfForce, (terms: RuleTerms) => string>> = {
  ops: ({ ops }) => `it is for ${[...(ops ?? [])].join(", ")}`,
  notBefore: ({ notBeforeMs }) => `it begins ${momentText(notBeforeMs)}`,
  expiresAt: ({ expiresAtMs }) => `it ended ${momentText(expiresAtMs)}`,
};

function momentText(ms: number | null): string {
  return new Date(ms ?? Number.NaN).toISOString();
}

export class Trace extends Findings {
  readonly #met = new Map<string, Entry>();
  /** What is asked covers only a part of what the op asks for. */
  #partly = false;

  /** How many rules were met. */
  get size(): number {
    return this.#met.size;
  }

  /** In the order in which they were met; of more than `most` those of the weightiest outcomes. */
  met(most: number): readonly MetRule[] {
    let entries = [...this.#met];
    if (entries.length > most) {
      const weight = ([, { outcome }]: readonly [string, Entry]): number => outcomes.indexOf(outcome);
      const kept = new Set(entries.toSorted((a, b) => weight(a) - weight(b)).slice(0, most));
      entries = entries.filter((entry) => kept.has(entry));
    }
    return entries.map(([key, { rule, outcome, detail, conditions }]) => ({
      key,
      value: rule && redactedValue(rule.value),
      effect: rule?.readable ? rule.terms.effect : null,
      outcome,
      detail,
      conditions,
    }));
  }

  override refuse(refusal: Refusal, by?: ReadableRule): void {
    super.refuse(refusal, by);
    this.#refuses(refusal, "refused");
  }

  override grantOfMostExact(rules: readonly Rule[]): Rule | null {
    const grant = super.grantOfMostExact(rules);
    const mostExact = rules.find((rule) => outOfForce(rule, this.op, this.facts.nowMs) === null);
    for (const rule of rules) {
      if (this.#met.has(rule.key.text) || this.#outOfForce(rule)) continue;
      this.#mark(rule.key.text, rule, "outranked", `by ${mostExact?.key.text}`);
    }
    return grant;
  }

  override grantDomains(grant: Rule | null, everyOne: boolean): void {
    super.grantDomains(grant, everyOne);
    if (everyOne) return;
    for (const entry of this.#met.values()) {
      if (entry.rule?.key.scope !== "domain" || entry.outcome !== "granted") continue;
      entry.outcome = "held";
      entry.detail = "does not grant all that is asked for";
    }
  }

  override askForRefusals(rules: readonly Rule[]): void {
    this.#partly = true;
    super.askForRefusals(rules);
    this.#partly = false;
  }

  override askGroups(
    groups: readonly (readonly [name: string, rule: Rule | undefined])[],
    enforced: boolean,
  ): void {
    super.askGroups(groups, enforced);
    const entries = groups.map(([name, rule]) => {
      const key = rule?.key.text ?? `group:${name}`;
      return { key, rule: rule ?? null, entry: this.#met.get(key) };
    });
    const failing = entries.filter(({ rule, entry }) => rule === null || entry?.failing);
    // Findings has told of the first that fails, unless one holds.
    const toldOf = failing[0]?.entry?.outcome ?? "not_needed";
    const held = entries.some(({ entry }) => entry && lets.has(entry.outcome) && entry.failing === null);
    for (const { key, rule, entry } of failing) {
      const why = entry?.failing?.reason ?? (rule === null ? "there is no such group" : null);
      this.#mark(key, rule, held ? "not_needed" : toldOf, why);
    }
  }

  protected override wouldRefuse(refusal: Refusal): void {
    super.wouldRefuse(refusal);
    this.#refuses(refusal, "would_refuse");
  }

  protected override inForce(rule: Rule): boolean {
    const inForce = super.inForce(rule);
    // What becomes of it is told later, but of a group that fails beside one that holds.
    if (inForce) this.#mark(rule.key.text, rule, "not_needed", null);
    else this.#outOfForce(rule);
    return inForce;
  }

  protected override pass(rule: ReadableRule): boolean {
    const grants = super.pass(rule);
    const detail = this.#partly ? "covers only a part of what is asked for" : null;
    this.#mark(rule.key.text, rule, grants && !this.#partly ? "granted" : "held", detail);
    return grants;
  }

  protected override firstFailingOf(rule: ReadableRule): Refusal | null {
    const failing = super.firstFailingOf(rule);
    const entry = this.#mark(rule.key.text, rule, "not_needed", null);
    entry.failing = failing;
    entry.conditions = rule.terms.conditions.map((condition) => ({
      condition: condition.name,
      ...condition.ask(this.op, this.facts),
    }));
    return failing;
  }

  #refuses({ rule: key, reason }: Refusal, outcome: "refused" | "would_refuse"): void {
    if (key === null) return;
    const rule = this.#met.get(key)?.rule ?? null;
    this.#mark(key, rule, outcome, rule && !rule.readable ? rule.problem : reason);
  }

  #outOfForce(rule: Rule): boolean {
    const field = outOfForce(rule, this.op, this.facts.nowMs);
    if (field !== null && rule.readable) {
      this.#mark(rule.key.text, rule, "out_of_force", outOfForceText[field](rule.terms));
    }
    return field !== null;
  }

  /** What weighs more stays. */
  #mark(key: string, rule: Rule | null, outcome: Outcome, detail: string | null): Entry {
    const known = this.#met.get(key);
    if (known === undefined) {
      const entry: Entry = { rule, outcome, detail, failing: null, conditions: [] };
      this.#met.set(key, entry);
      return entry;
    }
    if (outcomes.indexOf(outcome) < outcomes.indexOf(known.outcome)) {
      known.outcome = outcome;
      known.detail = detail;
    } else if (outcome === known.outcome) known.detail ??= detail;
    return known;
  }
}
