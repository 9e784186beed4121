/**
 * Writes bans to Redis, over a connection of its own that is opened at the first one.
 *
 * Rights it needs: `+auth +select +set` on `%W~<prefix>ban:*`. No error holds a credential.
 */
import { Redis } from "ioredis";
import { SluiceError, textOf } from "../errors.ts";
import { type RedisAddress, type RedisSettings, redisAddress, tlsOptions } from "./redis-address.ts";
import { RedisKeys } from "./redis-keys.ts";

const answerWithinMs = 2000;

export class RedisBanWriter {
  readonly #address: RedisAddress;
  readonly #keys: RedisKeys;
  #connection: Redis | null = null;

  constructor(settings: RedisSettings) {
    this.#address = redisAddress(settings);
    this.#keys = new RedisKeys(settings.prefix);
  }

  /**
   * @returns false when there is a ban already, which stays as it is
   * @throws SluiceError redis_unavailable, redis_denied
   */
  async write(network: string, value: string, forMs: number): Promise<boolean> {
    if (this.#connection === null || this.#connection.status === "end") this.#connection = this.#open();
    try {
      return (await this.#connection.set(this.#keys.banOf(network), value, "PX", forMs, "NX")) === "OK";
    } catch (thrown) {
      const text = textOf(thrown);
      const denied = /^(NOAUTH|WRONGPASS|NOPERM)/.test(text);
      const code = denied ? "redis_denied" : "redis_unavailable";
      throw new SluiceError(code, `Redis at ${this.#address.text}: ${text}`, { retryable: true });
    }
  }

  async close(): Promise<void> {
    this.#connection?.disconnect();
  }

  #open(): Redis {
    const { host, port, db, user, password, tls } = this.#address;
    const connection = new Redis({
      host,
      port,
      db,
      ...(user !== null && { username: user }),
      ...(password !== null && { password }),
      ...(tls && { tls: tlsOptions(this.#address) }),
      protocol: 2,
      lazyConnect: true,
      connectTimeout: answerWithinMs,
      commandTimeout: answerWithinMs,
      maxRetriesPerRequest: 0,
      retryStrategy: null,
      enableReadyCheck: false,
      disableClientInfo: true,
    });
    // What went wrong reaches whoever waits for the write.
    connection.on("error", () => {});
    return connection;
  }
}
