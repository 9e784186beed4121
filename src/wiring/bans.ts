/** Automatic bans, where they are wanted. */
import type { Metrics } from "../admin/metrics.ts";
import type { Origin } from "../events/draft.ts";
import { parseNetwork } from "../policy/addresses.ts";
import { Bans } from "../policy/bans.ts";
import { releaseMs, type WiringParts } from "./parts.ts";
import { redisOf } from "./policy.ts";

/** Null where nobody is banned. */
export async function openBans(
  { settings, clock, log, resources }: WiringParts,
  { instance }: Origin,
  metrics: Metrics,
  standing: () => number,
): Promise<Bans | null> {
  const { after, withinSeconds, forSeconds, except } = settings.ban;
  const redis = redisOf(settings);
  if (after === 0 || redis === null) return null;
  const { RedisBanWriter } = await import("../policy/redis-bans.ts");
  const writer = new RedisBanWriter(redis);
  resources.onRelease("bans", releaseMs, () => writer.close());
  return new Bans({
    after,
    withinMs: withinSeconds * 1000,
    forMs: forSeconds * 1000,
    except: except.map((text) => parseNetwork(text)!),
    by: instance,
    clock,
    log,
    standing,
    write: (network, value, forMs) => writer.write(network, value, forMs),
    onOutcome: (outcome) => metrics.ban(outcome),
    onForgotten: () => metrics.banCountForgotten(),
  });
}
