import { parentsOf, wildcardBase } from "./domains.ts";
import type { Rule } from "./rule.ts";
import { byKeyText, Shelf } from "./shelf.ts";

/**
 * The domain rules. A name meets the rule for itself, then wildcards from the nearest to `*`: as many
 * look-ups as it has labels, however many rules there are.
 *
 * A requested wildcard also meets what may refuse below it. Those rules are kept under each of their
 * parents: the ones that always refuse apart, because one of them is enough, however many there are.
 */
export class DomainRules {
  readonly #names = new Shelf<string>();
  /** By what stands after `*.`; "" for `*`. */
  readonly #wildcards = new Shelf<string>();
  readonly #alwaysRefusing = new Map<string, FirstOf>();
  readonly #maybeRefusing = new Map<string, Set<Rule>>();

  add(rule: Rule): void {
    this.#shelve("put", rule);
    if (alwaysRefuses(rule)) {
      for (const parent of parentsOf(rule.key.id)) {
        const below = this.#alwaysRefusing.get(parent);
        if (below) below.add(rule);
        else this.#alwaysRefusing.set(parent, new FirstOf(rule));
      }
    } else if (mayRefuse(rule)) {
      for (const parent of parentsOf(rule.key.id)) {
        const below = this.#maybeRefusing.get(parent);
        if (below) below.add(rule);
        else this.#maybeRefusing.set(parent, new Set([rule]));
      }
    }
  }

  remove(rule: Rule): void {
    this.#shelve("take", rule);
    for (const parent of parentsOf(rule.key.id)) {
      for (const kind of [this.#alwaysRefusing, this.#maybeRefusing]) {
        const below = kind.get(parent);
        if (below?.delete(rule) && below.size === 0) kind.delete(parent);
      }
    }
  }

  /** The rules for exactly this domain or wildcard, in its canonical form. */
  at(id: string): readonly Rule[] {
    const base = wildcardBase(id);
    return base === null ? this.#names.at(id) : this.#wildcards.at(base);
  }

  /** The rules that hold all of a domain or wildcard, the most exact first. */
  covering(domain: string): readonly Rule[] {
    if (this.#names.size === 0 && this.#wildcards.size === 0) return none;
    const found: Rule[] = [];
    const base = wildcardBase(domain);
    if (base === null) this.#names.gather(domain, found);
    else this.#wildcards.gather(base, found);
    if (this.#wildcards.size === 0) return found;
    for (const parent of parentsOf(domain)) this.#wildcards.gather(parent, found);
    return found;
  }

  /** Rules for a part of what a wildcard stands for that may refuse, in the order of their keys. */
  refusingBelow(domain: string): readonly Rule[] {
    const base = wildcardBase(domain);
    if (base === null) return none;
    const found = [...(this.#maybeRefusing.get(base) ?? none)];
    const always = this.#alwaysRefusing.get(base);
    if (always) found.push(always.first);
    return found.sort(byKeyText);
  }

  *rules(): Generator<Rule> {
    yield* this.#names.rules();
    yield* this.#wildcards.rules();
  }

  #shelve(how: "put" | "take", rule: Rule): void {
    const base = wildcardBase(rule.key.id);
    if (base === null) this.#names[how](rule.key.id, rule);
    else this.#wildcards[how](base, rule);
  }
}

const none: readonly Rule[] = Object.freeze([]);

/** Rules of which the first by key text is at hand. */
class FirstOf {
  readonly #rules: Set<Rule>;
  #first: Rule | null;

  constructor(rule: Rule) {
    this.#rules = new Set([rule]);
    this.#first = rule;
  }

  get size(): number {
    return this.#rules.size;
  }

  get first(): Rule {
    if (this.#first === null) {
      for (const rule of this.#rules) this.#takeIfFirst(rule);
    }
    return this.#first!;
  }

  add(rule: Rule): void {
    this.#rules.add(rule);
    if (this.#first !== null) this.#takeIfFirst(rule);
  }

  delete(rule: Rule): boolean {
    if (this.#first === rule) this.#first = null;
    return this.#rules.delete(rule);
  }

  #takeIfFirst(rule: Rule): void {
    if (this.#first === null || byKeyText(rule, this.#first) < 0) this.#first = rule;
  }
}

/** Whether a rule refuses every op that it covers, at any time. */
function alwaysRefuses(rule: Rule): boolean {
  if (!rule.readable) return true;
  const { effect, enforce, ops, notBeforeMs, expiresAtMs } = rule.terms;
  return effect === "deny" && enforce && ops === null && notBeforeMs === null && expiresAtMs === null;
}

function mayRefuse(rule: Rule): boolean {
  return !rule.readable || rule.terms.effect !== "allow" || rule.terms.conditions.length > 0;
}
