/**
 * Which Redis keys are rules, and of which names: `<prefix>policy:user:alice` is the rule `user:alice`, and a ban, which
 * the bridge writes itself, lies beside them as `<prefix>ban:203.0.113.9` so that it can have rights of its own.
 */
import { keyName } from "./redis-reading.ts";

const banScope = "ban:";

export class RedisKeys {
  /** Whole prefixes, as text. Each key with one of them is a rule. */
  readonly prefixes: readonly string[];
  readonly #policy: string;
  readonly #bans: string;

  /** @param prefix redis.prefix: `sluice:` */
  constructor(prefix: string) {
    this.prefixes = [`${prefix}policy:`, `${prefix}${banScope}`];
    [this.#policy, this.#bans] = this.prefixes.map((text) => keyName(Buffer.from(text))) as [string, string];
  }

  /** @param name of a Redis key, as keyName makes it; null for one that is no rule's */
  ruleOf(name: string): string | null {
    if (name.startsWith(this.#bans)) return banScope + textOf(name.slice(this.#bans.length));
    if (!name.startsWith(this.#policy)) return null;
    const key = textOf(name.slice(this.#policy.length));
    // Two Redis keys of one rule would take turns in overwriting each other. This one covers nothing, and is shown.
    return key.startsWith(banScope) ? `policy:${key}` : key;
  }

  /** The Redis key of a ban. */
  banOf(network: string): string {
    return `${this.prefixes[1]}${network}`;
  }
}

function textOf(name: string): string {
  return Buffer.from(name, "latin1").toString();
}
