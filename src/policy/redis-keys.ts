/**
 * Which Redis keys are rules, and of which names: `<prefix>policy:user:alice` is the rule `user:alice`, and a ban, which
 * the bridge writes itself, lies beside them as `<prefix>ban:203.0.113.9` so that it can have rights of its own, as does
 * what prox is told, `<prefix>prox:targets:web:0`.
 *
 * A key `<prefix>policy:ban:…` would be a second one of the same rule, and the two would take turns. It is the rule
 * `policy:ban:…`, which covers nothing and is shown; so with `<prefix>policy:prox:…`.
 */
import { keyName } from "./redis-reading.ts";
import { isBan, isPush } from "./store.ts";

const policyScope = "policy:";

export class RedisKeys {
  /** Whole prefixes, as text. Each key with one of them is a rule. */
  readonly prefixes: readonly string[];
  /** For SCAN, which goes through all keys of a Redis: fits those of all prefixes at once, and hardly any other. */
  readonly pattern: string;
  readonly #prefix: string;
  readonly #policy: string;
  readonly #bans: string;
  readonly #pushes: string;

  /** @param prefix redis.prefix: `sluice:` */
  constructor(prefix: string) {
    this.#prefix = prefix;
    this.prefixes = [`${prefix}policy:`, `${prefix}ban:`, `${prefix}prox:`];
    this.pattern = `${prefix.replace(/[\\*?[\]]/g, "\\$&")}[pb][oar][lno]*`;
    [this.#policy, this.#bans, this.#pushes] = this.prefixes.map((text) => keyName(Buffer.from(text))) as [
      string,
      string,
      string,
    ];
  }

  /** @param name of a Redis key, as keyName makes it; null for one that is no rule's */
  ruleOf(name: string): string | null {
    if (name.startsWith(this.#bans)) return `ban:${textOf(name.slice(this.#bans.length))}`;
    if (name.startsWith(this.#pushes)) return `prox:${textOf(name.slice(this.#pushes.length))}`;
    if (!name.startsWith(this.#policy)) return null;
    const key = textOf(name.slice(this.#policy.length));
    return liesBeside(key) ? `${policyScope}${key}` : key;
  }

  /** The Redis key of a rule, as text. */
  keyOf(rule: string): string {
    const isMisplaced = rule.startsWith(policyScope) && liesBeside(rule.slice(policyScope.length));
    return `${this.#prefix}${liesBeside(rule) || isMisplaced ? "" : policyScope}${rule}`;
  }
}

/** Beside the rules, and not among them. */
function liesBeside(key: string): boolean {
  return isBan(key) || isPush(key);
}

function textOf(name: string): string {
  return Buffer.from(name, "latin1").toString();
}
