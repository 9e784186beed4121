/** Where the policy is: Redis, or the policy file. */
import type { Settings } from "../../config/settings.ts";
import { SluiceError } from "../../errors.ts";
import type { RedisExamination } from "../../policy/redis-examination.ts";
import { parseRule } from "../../policy/rule.ts";
import type { PolicyStore } from "../../policy/store.ts";
import { redisOf } from "../../wiring/policy.ts";
import { openPolicyStore } from "../../wiring/policy-store.ts";
import { ownCertificates, validity } from "./certificates.ts";
import { type Finding, green, red, yellow } from "./finding.ts";
import { nextAfter } from "./next-after.ts";

export async function redisFindings(settings: Settings, now: () => number): Promise<Finding[]> {
  const redis = redisOf(settings);
  if (redis === null)
    return [green("source", `the policy file (no redis.url)`), ...(await rulesFindings(settings))];
  const { examineRedis } = await import("../../policy/redis-examination.ts");
  const certificates = await ownCertificates("redis.tls", settings.redis.tls, now());
  try {
    const seen = await examineRedis(redis, settings.ban.after > 0, now);
    const server = serverFinding(seen, settings);
    if (seen.mode !== "standalone") return [server, ...certificates];
    const rights = rightsFinding(seen);
    return [
      server,
      rights,
      trackingFinding(seen),
      ...(settings.ban.after > 0 ? [writingFinding(seen)] : []),
      ...(rights.level === "green" ? await rulesFindings(settings) : []),
      evictionFinding(seen),
      clockFinding(seen),
      ...certificates,
      ...(seen.certificate === null
        ? []
        : [validity("certificate", seen.certificate, now(), "renew it at Redis")]),
    ];
  } catch (thrown) {
    if (!(thrown instanceof SluiceError)) throw thrown;
    return [red("connection", thrown.message, nextAfter(thrown)), ...certificates];
  }
}

function serverFinding({ address, server, mode, role }: RedisExamination, { ban }: Settings): Finding {
  const seen = `${server} at ${address}, ${mode}, ${role}`;
  if (mode === "sentinel")
    return red("connection", seen, "name the Redis itself in redis.url, not its Sentinel");
  if (mode === "cluster") {
    return red("connection", seen, "name a single Redis in redis.url: Sluice does not speak to a Cluster");
  }
  if (role === "master") return green("connection", seen);
  const next = "name the master in redis.url: a replica has changes late, and takes no bans";
  return ban.after > 0 ? red("connection", seen, next) : yellow("connection", seen, next);
}

function rightsFinding({ denied }: RedisExamination): Finding {
  if (denied.length === 0) return green("rights", "all that a bridge needs to read rules");
  return red(
    "rights",
    denied.join("; "),
    "give our user the rights of sluice-bridge in deploy/redis/users.acl",
  );
}

function trackingFinding({ trackingProblem }: RedisExamination): Finding {
  if (trackingProblem === null)
    return green("tracking", "changes of rules are told at once (CLIENT TRACKING)");
  const next =
    "allow +client|tracking, +client|id, +subscribe and &__redis__:invalidate; a proxy in between must pass them";
  return red("tracking", trackingProblem, next);
}

function writingFinding({ writeProblem }: RedisExamination): Finding {
  if (writeProblem === null) return green("bans", "can be written");
  return red(
    "bans",
    writeProblem,
    "bans (ban.after) need +set on the keys of ban:*, at a master with memory to spare",
  );
}

async function rulesFindings(settings: Settings): Promise<Finding[]> {
  let store: PolicyStore | null = null;
  try {
    store = await openPolicyStore(settings);
    let [rules, unreadable] = [0, 0];
    for await (const { key, value } of store.all()) {
      rules += 1;
      if (!parseRule(key, value).readable) unreadable += 1;
    }
    return [countFinding(store.description, rules, unreadable, settings)];
  } catch (thrown) {
    if (!(thrown instanceof SluiceError)) throw thrown;
    return [red("rules", thrown.message, nextAfter(thrown))];
  } finally {
    await store?.close();
  }
}

function countFinding(where: string, rules: number, unreadable: number, { policy }: Settings): Finding {
  const count = `${rules.toLocaleString("en-US")} ${rules === 1 ? "rule" : "rules"} in ${where}`;
  if (unreadable > 0) {
    const next = "`sluice policy check` names them: what they cover is refused";
    return yellow("rules", `${count}, ${unreadable} unreadable`, next);
  }
  if (rules > 0) return green("rules", count);
  const next = "write the first one with `sluice policy set`";
  return yellow("rules", `${count}: policy.default, ${policy.default}, decides everything`, next);
}

function evictionFinding({ memory }: RedisExamination): Finding {
  const what = "eviction";
  const set = "set maxmemory-policy noeviction in Redis";
  if (memory === null) {
    const next = "see that maxmemory-policy is noeviction, or allow +info";
    return yellow(what, "our user may ask neither INFO nor CONFIG GET", next);
  }
  const { policy, maxBytes } = memory;
  const seen = `maxmemory-policy ${policy}, maxmemory ${maxBytes === 0 ? "without limit" : `${maxBytes} bytes`}`;
  if (policy === "noeviction") return green(what, seen);
  if (maxBytes === 0) return yellow(what, seen, `${set}: as soon as there is a limit, rules could vanish`);
  return policy.startsWith("volatile")
    ? yellow(what, seen, `${set}: rules with a TTL and bans may vanish early`)
    : red(what, seen, `${set}: rules vanish when memory is short, denies among them`);
}

const closeMs = 2_000;
const farMs = 60_000;

function clockFinding({ clock }: RedisExamination): Finding {
  const what = "clock";
  if (clock === null) {
    return yellow(what, "our user may not ask TIME", "see that both machines follow NTP, or allow +time");
  }
  const { aheadMs, exactMs } = clock;
  const offMs = Math.max(0, Math.abs(aheadMs) - exactMs);
  const side = aheadMs > 0 ? "ahead of" : "behind";
  if (offMs < closeMs) return green(what, `Redis's is ours, to ${Math.ceil(offMs + exactMs)} ms`);
  const seen = `Redis's is ${Math.round(offMs / 1000)} s ${side} ours`;
  const next = "let NTP keep both: rules end by our clock, TTLs by Redis's";
  return offMs < farMs ? yellow(what, seen, next) : red(what, seen, next);
}
