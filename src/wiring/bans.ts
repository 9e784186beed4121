/** Automatic bans, where there is a Redis to keep them. */
import type { Metrics } from "../admin/metrics.ts";
import type { Settings } from "../config/settings.ts";
import type { Origin } from "../events/draft.ts";
import { parseNetwork } from "../policy/addresses.ts";
import { Bans, type BansOptions } from "../policy/bans.ts";
import { releaseMs, type WiringParts } from "./parts.ts";
import { redisOf } from "./policy.ts";

/** Null where there is none. */
export async function openBans(
  { settings, live, clock, log, resources }: WiringParts,
  { instance }: Origin,
  metrics: Metrics,
  standing: () => number,
): Promise<Bans | null> {
  const redis = redisOf(settings);
  if (redis === null) return null;
  const { RedisBanWriter } = await import("../policy/redis-bans.ts");
  const writer = new RedisBanWriter(redis);
  resources.onRelease("bans", releaseMs, () => writer.close());
  let terms = termsOf(live.now);
  live.onChange((now) => {
    terms = termsOf(now);
  });
  return new Bans({
    get after() {
      return terms.after;
    },
    get withinMs() {
      return terms.withinMs;
    },
    get forMs() {
      return terms.forMs;
    },
    get except() {
      return terms.except;
    },
    by: instance,
    clock,
    log,
    standing,
    write: (network, value, forMs) => writer.write(network, value, forMs),
    onOutcome: (outcome) => metrics.ban(outcome),
    onForgotten: () => metrics.banCountForgotten(),
  });
}

function termsOf({ ban }: Settings): Pick<BansOptions, "after" | "withinMs" | "forMs" | "except"> {
  return {
    after: ban.after,
    withinMs: ban.withinSeconds * 1000,
    forMs: ban.forSeconds * 1000,
    except: ban.except.map((text) => parseNetwork(text)!),
  };
}
