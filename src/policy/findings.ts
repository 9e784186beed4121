import type { Check, ReasonCode } from "../decision.ts";
import type { Op, ProxChanges } from "../op.ts";
import type { Facts } from "./facts.ts";
import { outOfForce } from "./out-of-force.ts";
import { mergedChanges, type ProxTerms } from "./prox-terms.ts";
import type { ReadableRule, Rule } from "./rule.ts";
import type { Scope } from "./rule-key.ts";

export interface Refusal {
  /** Shown to the client; never empty. */
  readonly reason: string;
  readonly code: ReasonCode;
  /** The key of the rule that refuses; null when it is no rule's doing. */
  readonly rule: string | null;
}

/** What a deny without a reason tells the client. */
export const standingReason = "refused by policy";

/** An op may ask for thousands of domains: so many checks are listed, the rest is only made. */
export const mostChecks = 64;

/**
 * What the rules say about one op, gathered while they are asked.
 *
 * Rules are asked from the most specific scope to the least, so the first cause found is the one to report. What is
 * protected is where explain looks on (trace.ts).
 */
export class Findings {
  protected readonly op: Op;
  protected readonly facts: Facts;
  #checks: Check[] | null = null;
  /** By domain rule, what became of its conditions. */
  #failing: Map<ReadableRule, Refusal | null> | null = null;
  /** The first refusal that counts. */
  refusal: Refusal | null = null;
  /** The first refusal by a rule that says `enforce: false`. */
  unenforced: Refusal | null = null;
  /** The first rule that grants. */
  grant: Rule | null = null;
  /** Fields that the rules change, by native name. */
  set: Readonly<Record<string, unknown>> | null = null;
  /** What the rules change at prox where the op passes. */
  changes: ProxChanges | null = null;
  /** How the rule that refuses does it at prox; null where it does not say. */
  answer: ProxChanges | null = null;

  constructor(op: Op, facts: Facts) {
    this.op = op;
    this.facts = facts;
  }

  get checks(): readonly Check[] {
    return this.#checks ?? noChecks;
  }

  /** Nothing refuses and nothing grants. */
  get open(): boolean {
    return this.refusal === null && this.grant === null;
  }

  /** @param by the rule, where it is one that can be read */
  refuse(refusal: Refusal, by?: ReadableRule): void {
    if (this.refusal !== null) return;
    this.refusal = refusal;
    const isRequest = this.op.prox !== null && this.op.name === "on_request";
    if (isRequest) this.answer = by?.terms.prox?.refusal ?? null;
  }

  protected wouldRefuse(refusal: Refusal): void {
    this.unenforced ??= refusal;
  }

  /** Asks the one rule that a scope may have for this op, and lets it grant. False when there is none in force. */
  ask(rule: Rule | undefined): boolean {
    if (rule === undefined || !this.inForce(rule)) return false;
    if (this.#grants(rule)) this.grant ??= rule;
    return true;
  }

  /** Asks the most exact rule in force, of rules that stand in that order, and lets it grant. */
  askMostExact(rules: readonly Rule[]): void {
    const grant = this.grantOfMostExact(rules);
    if (grant) this.grant ??= grant;
  }

  /**
   * Asks the most exact rule in force, and every other that covers exactly the same. Gives back the one that
   * grants; whether that grants the op is the caller's to say.
   */
  grantOfMostExact(rules: readonly Rule[]): Rule | null {
    let mostExact: Rule | null = null;
    let grant: Rule | null = null;
    for (const rule of rules) {
      if (mostExact !== null && rule.key.id !== mostExact.key.id) break;
      if (!this.inForce(rule)) continue;
      mostExact ??= rule;
      if (this.#grants(rule)) grant ??= rule;
    }
    return grant;
  }

  /** Lets the rule of one of the domains grant the op, if each of them has one that does. */
  grantDomains(grant: Rule | null, everyOne: boolean): void {
    if (everyOne) this.grant ??= grant;
  }

  /** Asks each rule that is in force, and lets none of them grant or change anything. */
  askForRefusals(rules: readonly Rule[]): void {
    const { set, changes } = this;
    for (const rule of rules) if (this.inForce(rule)) this.#grants(rule);
    this.set = set;
    this.changes = changes;
  }

  /**
   * Asks the groups that a user's rule lists. One whose conditions hold is enough; a deny in any refuses. A group
   * that is not there refuses as one whose conditions fail: what it demanded is not known any more.
   *
   * @param enforced whether the user's rule is, which a missing group counts as a part of
   */
  askGroups(groups: readonly (readonly [name: string, rule: Rule | undefined])[], enforced: boolean): void {
    let failed: Refusal | null = null;
    let held = false;
    let triedOut = false;
    for (const [name, rule] of groups) {
      if (rule === undefined) {
        const key = `group:${name}`;
        this.note({ rule: key, condition: "group", result: "fail", seen: "there is no such group" });
        failed ??= { reason: "a group of this user is missing", code: "group_missing", rule: key };
        if (!enforced) triedOut = true;
      } else if (this.inForce(rule)) {
        if (!rule.readable || rule.terms.effect === "deny") this.#grants(rule);
        else {
          const refusal = this.#failingOf(rule);
          failed ??= refusal;
          if (refusal === null) held = true;
          else if (!rule.terms.enforce) triedOut = true;
          // What is only being tried out counts as if it held.
          if ((refusal === null || !rule.terms.enforce) && this.pass(rule)) this.grant ??= rule;
        }
      }
    }
    if (held || failed === null) return;
    if (triedOut) this.wouldRefuse(failed);
    else this.refuse(failed);
  }

  note(check: Check): void {
    this.#checks ??= [];
    if (this.#checks.length < mostChecks) this.#checks.push(check);
  }

  protected inForce(rule: Rule): boolean {
    const outOf = outOfForce(rule, this.op, this.facts.nowMs);
    if (outOf !== null) this.note({ rule: rule.key.text, condition: outOf, result: "skip" });
    return outOf === null;
  }

  /** Asks a rule for its effect and its conditions. */
  #grants(rule: Rule): boolean {
    const key = rule.key.text;
    if (!rule.readable) {
      this.note({ rule: key, condition: "value", result: "fail", seen: rule.problem });
      this.refuse({ reason: "a policy rule for this cannot be read", code: "rule_unreadable", rule: key });
      return false;
    }
    const { effect } = rule.terms;
    if (effect === "deny") {
      this.note({ rule: key, condition: "effect", result: "fail", seen: effect });
      const reason = rule.terms.reason ?? standingReason;
      this.#refusedBy(rule, { reason, code: denialCodes[rule.key.scope] ?? "rule_deny", rule: key });
      return false;
    }
    const failing = this.#failingOf(rule);
    if (failing !== null) this.#refusedBy(rule, failing);
    // An allow whose conditions are only being tried out grants as if they held.
    if (failing !== null && rule.terms.enforce) return false;
    return this.pass(rule);
  }

  /** Whether the rule grants, now that its conditions hold. */
  protected pass(rule: ReadableRule): boolean {
    const { effect, set, prox } = rule.terms;
    this.note({ rule: rule.key.text, condition: "effect", result: "pass", seen: effect });
    // Rules are asked from the most specific scope on, so what is set already stays.
    if (set && Object.hasOwn(set, this.op.name)) this.set = { ...set[this.op.name], ...this.set };
    if (prox && this.op.prox !== null) this.#change(prox);
    return effect === "allow";
  }

  #change({ passing, response }: ProxTerms): void {
    const { name } = this.op;
    const changes = name === "on_request" ? passing : name === "on_response" ? response : null;
    if (changes === null) return;
    this.changes = this.changes === null ? changes : mergedChanges(this.changes, changes);
  }

  /**
   * The first condition of a rule that does not hold, as a refusal; null when all do. Asked once for an op: thousands
   * of domains may meet the same rule.
   */
  #failingOf(rule: ReadableRule): Refusal | null {
    if (rule.terms.conditions.length === 0) return null;
    const known = this.#failing?.get(rule);
    if (known !== undefined) return known;
    const failing = this.firstFailingOf(rule);
    if (rule.key.scope === "domain") {
      this.#failing ??= new Map();
      this.#failing.set(rule, failing);
    }
    return failing;
  }

  protected firstFailingOf(rule: ReadableRule): Refusal | null {
    for (const condition of rule.terms.conditions) {
      const answered = condition.ask(this.op, this.facts);
      this.note({ rule: rule.key.text, condition: condition.name, ...answered });
      if (answered.result === "fail" || (answered.result === "unknown" && !this.#hopes))
        return { reason: condition.reason, code: condition.code, rule: rule.key.text };
    }
    return null;
  }

  /** Whether what a record leaves open counts as held. */
  get #hopes(): boolean {
    return this.facts.recorded?.unknownAs === "pass";
  }

  #refusedBy(rule: ReadableRule, refusal: Refusal): void {
    if (rule.terms.enforce) this.refuse(refusal, rule);
    else this.wouldRefuse(refusal);
  }
}

const denialCodes: Readonly<Partial<Record<Scope, ReasonCode>>> = { default: "default_deny", ban: "banned" };
const noChecks: readonly Check[] = Object.freeze([]);
