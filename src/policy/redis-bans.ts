/**
 * Writes bans to Redis, over a connection of its own that is opened at the first one.
 *
 * Rights it needs: `+auth +select +set` on `%W~<prefix>ban:*`.
 */
import type { RedisSettings } from "./redis-address.ts";
import { RedisStore } from "./redis-store.ts";

export class RedisBanWriter {
  readonly #settings: RedisSettings;
  #store: Promise<RedisStore> | null = null;

  constructor(settings: RedisSettings) {
    this.#settings = settings;
  }

  /**
   * @returns false when there is a ban already, which stays as it is
   * @throws SluiceError redis_unavailable, redis_denied
   */
  async write(network: string, value: string, forMs: number): Promise<boolean> {
    const known = this.#store;
    try {
      return await this.#set(network, value, forMs);
    } catch (thrown) {
      await this.close();
      // The server may have closed a connection that was idle for long.
      if (known === null) throw thrown;
      return this.#set(network, value, forMs);
    }
  }

  async close(): Promise<void> {
    const store = this.#store;
    this.#store = null;
    await store?.then((opened) => opened.close()).catch(() => {});
  }

  async #set(network: string, value: string, ttlMs: number): Promise<boolean> {
    this.#store ??= RedisStore.open(this.#settings);
    return (await this.#store).set(`ban:${network}`, value, { ttlMs, ifAbsent: true });
  }
}
