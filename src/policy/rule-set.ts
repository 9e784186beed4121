/**
 * All rules in force, found by what an op names.
 *
 * Changes are made in place, one key at a time, or for all at once by `replace`; each is whole when the call
 * returns. Evaluation is synchronous, so it never sees half of one. No look-up depends on how many rules
 * there are.
 */
import { AddressRules } from "./address-rules.ts";
import { DomainRules } from "./domain-rules.ts";
import { Revision } from "./revision.ts";
import { type Rule, ruleAt, type UnreadableRule } from "./rule.ts";
import { type ReadKey, type RuleKey, readKey, type Scope } from "./rule-key.ts";

/** The scopes whose rules are met by one exact id. */
export type ExactScope = Exclude<Scope, "ip" | "ban" | "domain">;

export class RuleSet {
  #index = new Index();

  /** @param entries keys without prefix, and their values */
  constructor(entries: Iterable<readonly [string, string]> = []) {
    for (const [key, value] of entries) this.set(key, value);
  }

  /** Names this state: 16 hex digits, the same for the same keys and values whatever the order of writing. */
  get revision(): string {
    return this.#index.revision.text;
  }

  /** Gives the revision of now whenever it is asked for: naming one costs more than most rules cost otherwise. */
  markRevision(): () => string {
    return this.#index.revision.mark();
  }

  /** How many keys there are, unreadable ones included. */
  get size(): number {
    return this.#index.size;
  }

  /** The rules that cannot be read. Those whose key has a scope refuse what it covers. */
  get unreadable(): ReadonlySet<UnreadableRule> {
    return this.#index.unreadable;
  }

  /** @param key as written, without prefix: `user:alice` */
  get(key: string): Rule | undefined {
    return this.#index.find(readKey(key).key);
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  /** All of them, unreadable ones included. */
  all(): Iterable<Rule> {
    return this.#index.rules();
  }

  /** Keys without prefix and values, as they were written. */
  *entries(): Generator<[key: string, value: string]> {
    for (const rule of this.#index.rules()) yield [rule.key.text, rule.value];
  }

  /** Takes any key and any value; what became of them stands in the rule that comes back. */
  set(key: string, value: string): Rule {
    const read = readKey(key);
    return this.put(read, value, this.find(read));
  }

  /** The rule that a key has now. */
  find({ key }: ReadKey): Rule | undefined {
    return this.#index.find(key);
  }

  /** As set, where the key has been read, and found to have `before`. */
  put(read: ReadKey, value: string, before: Rule | undefined): Rule {
    if (before) this.#index.remove(before);
    const rule = ruleAt(read, value);
    this.#index.add(rule);
    return rule;
  }

  /** Whether the key was there. */
  delete(key: string): boolean {
    const rule = this.get(key);
    if (rule) this.#index.remove(rule);
    return rule !== undefined;
  }

  /** Takes this very rule out; false when it is not there, or another in its place. */
  remove(rule: Rule): boolean {
    const there = this.#index.find(rule.key) === rule;
    if (there) this.#index.remove(rule);
    return there;
  }

  clear(): void {
    this.#index = new Index();
  }

  /** Takes over all rules of `other`, which is empty from then on, in place of its own: one step for any size. */
  replace(other: RuleSet): void {
    this.#index = other.#index;
    other.#index = new Index();
  }

  /** The rule of `scope` for this id. */
  at(scope: ExactScope, id: string): Rule | undefined {
    return this.#index.exact[scope].get(id);
  }

  /** The ip rules that hold an address, longest prefix first. */
  forAddress(ip: string): readonly Rule[] {
    return this.#index.addresses.covering(ip);
  }

  /** How many bans there are. */
  get bans(): number {
    return this.#index.bans.size;
  }

  /** The bans that hold an address. */
  bansOn(ip: string): readonly Rule[] {
    return this.#index.bans.covering(ip);
  }

  /** The domain rules that hold all of a canonical domain or wildcard, the most exact first. */
  forDomain(domain: string): readonly Rule[] {
    return this.#index.domains.covering(domain);
  }

  /** For a requested wildcard the rules for a part of it that may refuse; none for a plain domain. */
  refusingBelow(domain: string): readonly Rule[] {
    return this.#index.domains.refusingBelow(domain);
  }

  /** What prox is told, unreadable values included. */
  pushes(): Iterable<Rule> {
    return this.#index.exact.prox.values();
  }

  /** The user who has a rule and whose name with a dot begins this proxy name; the shortest if several do. */
  userBefore(proxyName: string): string | null {
    const users = this.#index.exact.user;
    let dot = proxyName.indexOf(".");
    while (dot >= 0 && dot <= this.#index.longestUser) {
      const user = proxyName.slice(0, dot);
      if (user !== "" && users.has(user)) return user;
      dot = proxyName.indexOf(".", dot + 1);
    }
    return null;
  }
}

/** What a rule set holds, apart so that it can be swapped as one. */
class Index {
  readonly exact: Readonly<Record<ExactScope, Map<string, Rule>>> = {
    default: new Map(),
    op: new Map(),
    node: new Map(),
    user: new Map(),
    client: new Map(),
    proxy: new Map(),
    route: new Map(),
    group: new Map(),
    prox: new Map(),
  };
  readonly addresses = new AddressRules();
  readonly bans = new AddressRules();
  readonly domains = new DomainRules();
  /** Keys that nothing can match. */
  readonly idle = new Map<string, Rule>();
  readonly unreadable = new Set<UnreadableRule>();
  readonly revision = new Revision();
  size = 0;
  /** Bounds the search for users in a proxy name, which may be of any length. Never shrinks. */
  longestUser = 0;

  find({ text, scope, id }: RuleKey): Rule | undefined {
    if (scope === "ip") return this.addresses.at(id).find((rule) => rule.key.text === text);
    if (scope === "ban") return this.bans.at(id).find((rule) => rule.key.text === text);
    if (scope === "domain") return this.domains.at(id).find((rule) => rule.key.text === text);
    return this.#mapOf(scope).get(id);
  }

  add(rule: Rule): void {
    const { scope, id } = rule.key;
    if (scope === "ip") this.addresses.add(rule);
    else if (scope === "ban") this.bans.add(rule);
    else if (scope === "domain") this.domains.add(rule);
    else this.#mapOf(scope).set(id, rule);
    if (scope === "user") this.longestUser = Math.max(this.longestUser, id.length);
    if (!rule.readable) this.unreadable.add(rule);
    this.revision.toggle(rule.key.text, rule.value);
    this.size += 1;
  }

  remove(rule: Rule): void {
    const { scope, id } = rule.key;
    if (scope === "ip") this.addresses.remove(rule);
    else if (scope === "ban") this.bans.remove(rule);
    else if (scope === "domain") this.domains.remove(rule);
    else this.#mapOf(scope).delete(id);
    if (!rule.readable) this.unreadable.delete(rule);
    this.revision.toggle(rule.key.text, rule.value);
    this.size -= 1;
  }

  *rules(): Generator<Rule> {
    for (const map of Object.values(this.exact)) yield* map.values();
    yield* this.addresses.rules();
    yield* this.bans.rules();
    yield* this.domains.rules();
    yield* this.idle.values();
  }

  #mapOf(scope: ExactScope | null): Map<string, Rule> {
    return scope === null ? this.idle : this.exact[scope];
  }
}
