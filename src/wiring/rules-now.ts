/** The rules that the policy's source holds now, for commands that start no bridge. */
import type { Settings } from "../config/settings.ts";
import { isBan, isPush } from "../policy/store.ts";
import { openPolicyStore } from "./policy-store.ts";

/**
 * Keys without prefix, and their values, but for bans, which come and go by themselves, and what prox is told; none where there is no policy file.
 * @throws SluiceError policy_unreadable, redis_unavailable, redis_denied
 */
export async function rulesNow(settings: Settings): Promise<Iterable<readonly [string, string]>> {
  const store = await openPolicyStore(settings);
  try {
    const rules: [string, string][] = [];
    for await (const { key, value } of store.all()) if (!isBan(key) && !isPush(key)) rules.push([key, value]);
    return rules;
  } finally {
    await store.close();
  }
}
