/** Where the policy is kept, opened for a command. */
import type { Settings } from "../config/settings.ts";
import { FileStore } from "../policy/file-store.ts";
import { RedisKeys } from "../policy/redis-keys.ts";
import { keyName } from "../policy/redis-reading.ts";
import type { PolicyStore } from "../policy/store.ts";
import { redisOf } from "./policy.ts";

/** Redis where redis.url is set, else the policy file. @throws SluiceError redis_unavailable, redis_denied */
export async function openPolicyStore(settings: Settings): Promise<PolicyStore> {
  const redis = redisOf(settings);
  if (redis === null) return new FileStore(settings.policy.file);
  const { RedisStore } = await import("../policy/redis-store.ts");
  return RedisStore.open(redis);
}

/** A rule's key, or a pattern of keys, that may be written as in Redis: `sluice:policy:user:alice`. */
export function ruleKeyOf({ redis }: Settings, written: string): string {
  return new RedisKeys(redis.prefix).ruleOf(keyName(Buffer.from(written))) ?? written;
}
