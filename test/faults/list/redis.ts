/** What befalls Redis, and the way to it. */
import type { Fault, Scene } from "../fault.ts";
import type { Ruler } from "../ruler.ts";

const keptText = /every policy rule vanished at once/;
const awayText = /the policy's source is away/;
/** Redis is back, and the bridge has yet to find out; its attempts are at most a second apart. */
const returnMs = 2_000;
/** A link on which nothing passes is found dead by the watchdog only. */
const watchdogMs = 3_000;

export const redisFaults: readonly Fault[] = [
  {
    name: "redis-stop",
    what: "Redis is stopped, and started again with what it kept",
    redisArgs: ["--appendonly", "yes", "--appendfsync", "always"],
    boundMs: returnMs,
    async strike({ bridge, redis, ruler, seconds }) {
      const from = bridge.log.lines.length;
      await told(ruler, seconds);
      await redis.stop();
      ruler.go();
      await bridge.log.saw(awayText, { from });
      await seconds(1);
      await redis.start();
      await seconds(1);
    },
  },
  {
    name: "redis-stall",
    what: "Redis hangs (SIGSTOP), and goes on",
    boundMs: returnMs,
    async strike({ bridge, redis, ruler, seconds }) {
      const from = bridge.log.lines.length;
      await told(ruler, seconds);
      await redis.pause();
      ruler.go();
      await bridge.log.saw(awayText, { from });
      await seconds(0.5);
      await redis.resume();
      await seconds(1);
    },
  },
  {
    name: "redis-restart",
    what: "a Redis that keeps nothing is restarted: every rule is gone",
    boundMs: returnMs,
    tells: ["policy.emptied"],
    async strike({ bridge, redis, ruler, seconds }) {
      // One rule written to an empty Redis before the bridge has looked would make the others' absence meant.
      await ruler.rest();
      const from = bridge.log.lines.length;
      await redis.restart();
      await bridge.log.saw(keptText, { from });
      ruler.go();
      await seconds(1);
    },
  },
  {
    name: "redis-flush",
    what: "FLUSHALL under load",
    foundWith: 202,
    tells: ["policy.emptied"],
    async strike({ ruler, seconds }) {
      await ruler.flush();
      await seconds(1.5);
    },
  },
  {
    name: "redis-silent",
    what: "the tracking link dies silently: nothing passes any more, nothing is closed",
    redisLinked: true,
    // The link is in this process, which the verdicts on others would hold up.
    alone: true,
    boundMs: watchdogMs,
    async strike({ bridge, redisLink, seconds }) {
      const from = bridge.log.lines.length;
      // The one on which Redis tells what has changed.
      const frozen = redisLink.freeze({
        which: ({ sent }) => /SUBSCRIBE.*__redis__:invalidate/is.test(sent),
      });
      if (frozen !== 1) throw new Error(`${frozen} connections were found to be the tracking one`);
      await bridge.log.saw(awayText, { from });
      await seconds(2.5);
    },
  },
];

/** Redis confirms a write before it tells of it: one that it was halted in between would be unheard of till it is back. */
async function told(ruler: Ruler, seconds: Scene["seconds"]): Promise<void> {
  await ruler.rest();
  await seconds(0.2);
}
