/** The policy: the replica, what it was when we last ran, and the source that feeds it. */
import { resolve } from "node:path";
import { FileSource, fileSourceId } from "../policy/file.ts";
import { LastKnownGood } from "../policy/last-known-good.ts";
import type { PolicyNote, PolicySource } from "../policy/policy.ts";
import { RedisSource } from "../policy/redis.ts";
import { redisSourceId } from "../policy/redis-address.ts";
import { Replica } from "../policy/replica.ts";
import { releaseMs, type WiringParts } from "./parts.ts";

export interface OpenPolicy {
  readonly replica: Replica;
  /** Not started yet; whoever starts it registers how it ends. */
  readonly source: PolicySource;
}

export async function openPolicy(
  parts: WiringParts,
  onNote: (note: PolicyNote) => void,
): Promise<OpenPolicy> {
  const { settings, clock, log, resources, dataDir } = parts;
  const { policy } = settings;
  const { url, prefix } = settings.redis;
  const redis = url === undefined ? null : { url, prefix };
  const lastKnownGood = new LastKnownGood({
    path: resolve(dataDir, "last-known-good.json"),
    source: redis ? redisSourceId(redis) : fileSourceId(policy.file),
    clock,
    log,
  });
  const replica = new Replica({ settings: policy, clock, log, onNote, lastKnownGood });
  resources.onRelease("policy", releaseMs, () => replica.close());
  await replica.restore();
  const source = redis
    ? new RedisSource({ redis, replica, clock })
    : new FileSource({ path: policy.file, replica, clock, log });
  return { replica, source };
}
