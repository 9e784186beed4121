/**
 * The policy where it is kept, as an operator's commands read and write it: Redis or the policy file.
 *
 * The bridge does not need it; it reads through a PolicySource, and what `redis-cli` or an editor writes counts
 * just as much.
 */
export interface PolicyStore {
  readonly kind: "redis" | "file";
  /** Where it is, for people: `Redis 127.0.0.1:6379/0 (sluice:policy:*)`. Holds no credentials. */
  readonly description: string;
  /** Every rule once, in no order. One that comes or goes meanwhile may be among them or not. */
  all(): AsyncIterable<StoredRule>;
  /** Null when there is no such key. */
  get(key: string): Promise<StoredRule | null>;
  /** Takes any value. False when nothing was written, since `ifAbsent` and the key is there. */
  set(key: string, value: string, options?: SetOptions): Promise<boolean>;
  /** Whether the key was there. */
  remove(key: string): Promise<boolean>;
  /**
   * Makes all changes in this order; `mostAtOnce` of them come into force together.
   * @param onMade is told how many have been made
   */
  apply(changes: readonly StoreChange[], onMade?: (count: number) => void): Promise<void>;
  close(): Promise<void>;
}

export interface StoredRule {
  /** Without prefix: `user:alice`, `ban:203.0.113.9`. */
  readonly key: string;
  readonly value: string;
  /** What is left of its TTL, milliseconds; null when it has none. */
  readonly leftMs: number | null;
}

export interface SetOptions {
  /** Null and nothing: the rule stays, also where the one before had a TTL. */
  readonly ttlMs?: number | null;
  /** The TTL of the one before stays, where it has one. Not together with ttlMs. */
  readonly keepTtl?: boolean;
  readonly ifAbsent?: boolean;
}

export interface StoreChange {
  readonly key: string;
  /** Null takes the key away. */
  readonly value: string | null;
}

export const mostAtOnce = 10_000;

/** Stands for a value that is a list, a hash or so; as a rule it cannot be read, which is meant. */
export const notAString = "(a Redis value that is not a string)";

/** Whether key and value are what is stored; bytes that are not UTF-8 have no text. */
export function isExact({ key, value }: StoredRule): boolean {
  return value !== notAString && !key.includes("\ufffd") && !value.includes("\ufffd");
}

const banScope = "ban:";

/** Bans are made and ended by the program; they belong to no file. */
export function isBan(key: string): boolean {
  return key.startsWith(banScope);
}

const pushScope = "prox:";

/** What the plugin tells prox, kept beside the rules: it decides no op. */
export function isPush(key: string): boolean {
  return key.startsWith(pushScope);
}

/** Of what prox is told, what it can't be made to forget. */
export function isTargets(key: string): boolean {
  return key.startsWith(`${pushScope}targets:`);
}
