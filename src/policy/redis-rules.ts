/** All rules that a Redis holds now, read once. */
import type { Clock } from "../clock.ts";
import { type RedisSettings, redisAddress } from "./redis-address.ts";
import { RedisLink } from "./redis-link.ts";
import { keyName } from "./redis-reading.ts";

const timing = { connectWithinMs: 3000, openWithinMs: 5000, pingEveryMs: 1000, pingWithinMs: 5000 };
const keysPerRead = 1000;

/**
 * Keys without prefix, and their values.
 * @throws SluiceError redis_unavailable, redis_denied
 */
export async function readRedisRules(redis: RedisSettings, clock: Clock): Promise<[string, string][]> {
  const prefix = `${redis.prefix}policy:`;
  const start = keyName(Buffer.from(prefix)).length;
  const ending = new AbortController();
  const link = await RedisLink.open({
    address: redisAddress(redis),
    prefixes: [prefix],
    timing,
    clock,
    signal: ending.signal,
    onInvalidated: () => {},
    onAlive: () => {},
  });
  const read = async (): Promise<[string, string][]> => {
    // A key may come twice.
    const rules = new Map<string, string>();
    for await (const keys of link.scan(prefix)) {
      for (let from = 0; from < keys.length; from += keysPerRead) {
        for (const { key, value } of await link.read(keys.slice(from, from + keysPerRead))) {
          if (value !== null) rules.set(Buffer.from(key.slice(start), "latin1").toString(), value);
        }
      }
    }
    return [...rules];
  };
  try {
    return await read();
  } catch (thrown) {
    throw link.lose(thrown);
  } finally {
    ending.abort();
  }
}
