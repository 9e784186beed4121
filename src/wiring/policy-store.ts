/** Where the policy is kept, opened for a command. */
import type { Settings } from "../config/settings.ts";
import { FileStore } from "../policy/file-store.ts";
import { RedisStore } from "../policy/redis-store.ts";
import type { PolicyStore } from "../policy/store.ts";

/** Redis where redis.url is set, else the policy file. @throws SluiceError redis_unavailable, redis_denied */
export async function openPolicyStore({ redis, policy }: Settings): Promise<PolicyStore> {
  const { url, prefix } = redis;
  return url === undefined ? new FileStore(policy.file) : RedisStore.open({ url, prefix });
}
