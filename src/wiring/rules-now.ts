/** The rules that the policy's source holds now, for commands that start no bridge. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Clock } from "../clock.ts";
import type { Settings } from "../config/settings.ts";
import { SluiceError, textOf } from "../errors.ts";
import { readPolicyText } from "../policy/policy-text.ts";
import { readRedisRules } from "../policy/redis-rules.ts";

/**
 * Keys without prefix, and their values; none where there is no policy file.
 * @throws SluiceError policy_unreadable, redis_unavailable, redis_denied
 */
export async function rulesNow(
  { redis, policy }: Settings,
  clock: Clock,
): Promise<Iterable<readonly [string, string]>> {
  if (redis.url !== undefined) return readRedisRules({ url: redis.url, prefix: redis.prefix }, clock);
  const path = resolve(policy.file);
  try {
    return readPolicyText(await readFile(path, "utf8")).rules;
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === "ENOENT") return [];
    const problem = code === undefined ? textOf(thrown) : `cannot be read (${code})`;
    throw new SluiceError("policy_unreadable", `the policy file ${path} ${problem}`, { cause: thrown });
  }
}
