/** The policy: the replica, what it was when we last ran, and the source that feeds it. */
import { resolve } from "node:path";
import type { Clock } from "../clock.ts";
import type { Settings } from "../config/settings.ts";
import type { SluiceError } from "../errors.ts";
import { FileSource, fileSourceId } from "../policy/file.ts";
import { LastKnownGood, noMemory } from "../policy/last-known-good.ts";
import type { PolicyLog, PolicyNote, PolicySource } from "../policy/policy.ts";
import { type RedisSettings, redisSourceId } from "../policy/redis-address.ts";
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
  const { settings, live, clock, log, resources, dataDir } = parts;
  const { policy } = settings;
  const redis = redisOf(settings);
  const lastKnownGood = new LastKnownGood({
    path: resolve(dataDir, "last-known-good.json"),
    source: redis ? redisSourceId(redis) : fileSourceId(policy.file),
    clock,
    log,
  });
  const replica = new Replica({ settings: policy, clock, log, onNote, lastKnownGood });
  live.onChange((now) => {
    replica.settings = now.policy;
  });
  resources.onRelease("policy", releaseMs, () => replica.close());
  await replica.restore();
  return { replica, source: await sourceOf(settings, { replica, clock, log }) };
}

/**
 * What keeps a replica current that lives for as long as somebody watches; it remembers nothing.
 * @param onAway is told why Redis is away, each time that it is tried
 */
export async function openWatch(
  settings: Settings,
  clock: Clock,
  log: PolicyLog,
  onNote: (note: PolicyNote) => void,
  onAway: (reason: SluiceError) => void,
): Promise<OpenPolicy> {
  const replica = new Replica({ settings: settings.policy, clock, log, onNote, lastKnownGood: noMemory });
  return { replica, source: await sourceOf(settings, { replica, clock, log, onAway }) };
}

/** What speaks to Redis is loaded where there is one. */
async function sourceOf(
  settings: Settings,
  parts: {
    readonly replica: Replica;
    readonly clock: Clock;
    readonly log: PolicyLog;
    readonly onAway?: (reason: SluiceError) => void;
  },
): Promise<PolicySource> {
  const redis = redisOf(settings);
  if (redis === null) return new FileSource({ path: settings.policy.file, ...parts });
  const { RedisSource } = await import("../policy/redis.ts");
  const warn = (problem: string): void =>
    parts.log.error({ problem }, "a new certificate for Redis cannot be used; the old one stays in force");
  return new RedisSource({ redis, warn, ...parts });
}

export function redisOf({ redis: { url, ...more } }: Settings): RedisSettings | null {
  return url === undefined ? null : { url, ...more };
}
