/**
 * The policy in Redis, for commands: one plain connection, opened for one command.
 *
 * A rule is the key `<prefix>policy:<scope>:<id>`, a ban `<prefix>ban:<ip>`, what prox is told `<prefix>prox:…`. Rights it
 * needs: `+auth +select +scan +get +pttl` with `%R~` on `<prefix>policy:*`, `<prefix>ban:*` and `<prefix>prox:*`, and to
 * write `+set +del +multi +exec` with `~` instead of `%R~`.
 */
import type { ChainableCommander, Redis } from "ioredis";
import { SluiceError, textOf } from "../errors.ts";
import { type RedisAddress, type RedisSettings, redisAddress } from "./redis-address.ts";
import {
  connect,
  cutConnection,
  onComplaint,
  redisConnection,
  redisError,
  signIn,
} from "./redis-connection.ts";
import { RedisKeys } from "./redis-keys.ts";
import { keyName, readKeys, scanKeys } from "./redis-reading.ts";
import { mostAtOnce, type PolicyStore, type SetOptions, type StoreChange, type StoredRule } from "./store.ts";

const connectWithinMs = 5_000;
const answerWithinMs = 10_000;
const keysPerRead = 500;

export class RedisStore implements PolicyStore {
  readonly kind = "redis";
  readonly description: string;
  readonly #address: RedisAddress;
  readonly #keys: RedisKeys;
  readonly #connection: Redis;
  /** What the socket complained of; ioredis only says afterwards that the connection is closed. */
  #complaint: unknown = null;

  /** @throws SluiceError redis_unavailable, redis_denied, config_invalid */
  static async open(settings: RedisSettings): Promise<RedisStore> {
    const address = redisAddress(settings);
    const connection = redisConnection({ address, connectWithinMs, answerWithinMs });
    const store = new RedisStore(address, settings.prefix, connection);
    try {
      await store.#ask(async () => {
        await connect(connection);
        await signIn(connection, address);
        if (address.db !== 0) await connection.select(address.db);
      });
    } catch (thrown) {
      cutConnection(connection);
      throw thrown;
    }
    return store;
  }

  private constructor(address: RedisAddress, prefix: string, connection: Redis) {
    this.#address = address;
    this.#keys = new RedisKeys(prefix);
    this.#connection = connection;
    this.description = `Redis ${address.text} (${prefix}policy:*)`;
    onComplaint(connection, (complaint) => {
      this.#complaint ??= complaint;
    });
  }

  async *all(): AsyncGenerator<StoredRule> {
    const names = [...(await this.#names())];
    for (let from = 0; from < names.length; from += keysPerRead)
      yield* await this.#read(names.slice(from, from + keysPerRead));
  }

  async get(key: string): Promise<StoredRule | null> {
    const [rule] = await this.#read([await this.#nameOf(key)]);
    return rule ?? null;
  }

  async set(
    key: string,
    value: string,
    { ttlMs = null, keepTtl = false, ifAbsent = false }: SetOptions = {},
  ): Promise<boolean> {
    const name = this.#keys.keyOf(key);
    const ends = ttlMs !== null ? ["PX", String(ttlMs)] : keepTtl ? ["KEEPTTL"] : [];
    const reply = await this.#ask(() =>
      this.#connection.call("SET", name, value, ...ends, ...(ifAbsent ? ["NX"] : [])),
    );
    return reply !== null;
  }

  async remove(key: string): Promise<boolean> {
    const name = await this.#nameOf(key);
    return (await this.#ask(() => this.#connection.del(Buffer.from(name, "latin1")))) > 0;
  }

  async apply(changes: readonly StoreChange[], onMade: (count: number) => void = () => {}): Promise<void> {
    for (let from = 0; from < changes.length; from += mostAtOnce) {
      const part = changes.slice(from, from + mostAtOnce);
      const multi: ChainableCommander = this.#connection.multi();
      for (const { key, value } of part) {
        if (value === null) multi.del(Buffer.from(await this.#nameOf(key), "latin1"));
        else multi.set(this.#keys.keyOf(key), value);
      }
      await this.#ask(async () => {
        const replies = await multi.exec().catch((thrown: unknown) => {
          throw causeOf(thrown);
        });
        for (const [error] of replies ?? []) if (error) throw error;
      });
      onMade(from + part.length);
    }
  }

  async close(): Promise<void> {
    cutConnection(this.#connection);
  }

  async #read(names: readonly string[]): Promise<StoredRule[]> {
    const readings = await this.#ask(() => readKeys(this.#connection, names));
    return readings.flatMap(({ key, value, leftMs }) =>
      value === null ? [] : [{ key: this.#keys.ruleOf(key)!, value, leftMs }],
    );
  }

  /** Of the keys of rules, and only of those that are wanted. */
  #names(wanted: (rule: string) => boolean = () => true): Promise<Set<string>> {
    return this.#ask(async () => {
      const names = new Set<string>();
      for await (const keys of scanKeys(this.#connection, this.#keys.pattern)) {
        for (const name of keys) {
          const rule = this.#keys.ruleOf(name);
          if (rule !== null && wanted(rule)) names.add(name);
        }
      }
      return names;
    });
  }

  /**
   * The Redis key, named as `keyName` does. Bytes that are not UTF-8 are shown as U+FFFD, so a key with such is
   * looked for among all that would be shown alike.
   */
  async #nameOf(key: string): Promise<string> {
    const name = keyName(Buffer.from(this.#keys.keyOf(key)));
    if (!key.includes("\ufffd")) return name;
    const alike = await this.#names((rule) => rule === key);
    if (alike.size > 1 && !alike.has(name)) {
      throw new SluiceError(
        "policy_invalid",
        `${alike.size} keys that are not UTF-8 are shown as ${key}: remove the one that is meant with redis-cli`,
      );
    }
    return alike.has(name) ? name : ([...alike][0] ?? name);
  }

  /** Runs what asks Redis, and makes of what it throws an error that may be shown. */
  async #ask<Reply>(question: () => Promise<Reply>): Promise<Reply> {
    try {
      return await question();
    } catch (thrown) {
      if (thrown instanceof SluiceError) throw thrown;
      const closed = /^Connection is closed/.test(textOf(thrown));
      throw redisError(this.#address, closed ? (this.#complaint ?? thrown) : thrown);
    }
  }
}

/** Why a transaction was not made: EXEC itself only says that it was not. */
function causeOf(thrown: unknown): unknown {
  const { previousErrors = [] } = thrown as { readonly previousErrors?: readonly Error[] };
  return previousErrors[0] ?? textOf(thrown).replace(/^EXECABORT Transaction discarded because of: /, "");
}
