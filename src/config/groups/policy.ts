/** What decides: Redis or the policy file, and the bans that follow from refusals. */
import { z } from "zod";
import { parseNetwork } from "../../policy/addresses.ts";
import { filePath, milliseconds, pemFile, seconds, setting, text } from "../setting.ts";

const redisUrlProblem =
  "must look like redis://user:password@host:6379/0, with rediss:// for TLS and percent-encoding for special characters in user and password";

function isRedisUrl(text: string): boolean {
  const url = URL.parse(text);
  return (
    url !== null && /^rediss?:$/.test(url.protocol) && url.hostname !== "" && /^\/?\d*$/.test(url.pathname)
  );
}

export const redis = z.strictObject({
  url: setting(
    z.string(redisUrlProblem).refine(isRedisUrl, redisUrlProblem).optional(),
    "redis://[user:password@]host:port[/db] that holds the policy; without it the policy file is used",
    { secret: true },
  ),
  prefix: setting(z.string().default("sluice:"), "prefix of every key in Redis"),
  user: setting(text.optional(), "ACL user, instead of the one in redis.url"),
  password: setting(
    z.string().min(1, "must not be empty").optional(),
    "password, instead of the one in redis.url",
    {
      secret: true,
    },
  ),
  tls: z.strictObject({
    ca: setting(
      pemFile.optional(),
      "CA that signed Redis's certificate, for rediss://; without it the system's CAs",
    ),
    cert: setting(pemFile.optional(), "our certificate, where Redis wants one (tls-auth-clients)"),
    key: setting(pemFile.optional(), "its private key"),
  }),
});

export const policy = z.strictObject({
  file: setting(filePath.default("policy.json"), "policy file, used without redis.url; absent is no rules"),
  default: setting(z.enum(["allow", "deny"]).default("allow"), "what decides when no rule does", {
    live: true,
  }),
  mode: setting(
    z.enum(["enforce", "observe"]).default("enforce"),
    "observe records refusals as wouldRefuse and allows",
    { live: true },
  ),
  tokenMeta: setting(
    text.default("token"),
    "name under which a client brings its token in its metas, for rules with tokens",
  ),
  ownNames: setting(z.boolean().default(true), "refuse proxy names that are not the user's own", {
    live: true,
  }),
  maxStaleMs: setting(
    milliseconds.default(300_000),
    "age of the policy from which whenStale holds, while its source is away",
    { unit: "ms" },
  ),
  whenStale: setting(z.enum(["serve", "deny"]).default("serve"), "go on by the old rules, or refuse"),
});

const banAfter = "must be a whole number, 0 to 1000";
const banExcept = "must be addresses or CIDRs";

export const ban = z.strictObject({
  after: setting(
    z.int(banAfter).min(0, banAfter).max(1000, banAfter).default(0),
    "refusals for a wrong token, or by a deny of the user or address, after which an address (IPv6: /64) is banned; 0 bans nobody. Not for a frps with kcpBindPort and without transport.tls.force",
    { live: true },
  ),
  withinSeconds: setting(seconds.default(60), "within how long they must come", { unit: "s", live: true }),
  forSeconds: setting(seconds.default(600), "how long a ban lasts", { unit: "s", live: true }),
  except: setting(
    z
      .array(
        z.string(banExcept).refine((text) => parseNetwork(text) !== null, banExcept),
        "must be a list of addresses and CIDRs",
      )
      .default([]),
    "addresses and networks that are never banned, such as a balancer's; loopback never is",
    { live: true },
  ),
});
