/** The conditions of a rule: the fields that they are written in, and in which order they are asked. */
import type { z } from "zod";
import type { Condition } from "./conditions/condition.ts";
import { hoursSchema, withinHours } from "./conditions/hours.ts";
import { limitsOf, limitsSchema } from "./conditions/limits.ts";
import { clientFrom, networksSchema, visitorFrom } from "./conditions/origin.ts";
import { proxiesOf, proxiesSchema } from "./conditions/proxies.ts";
import { oneOfTokens, tokensSchema } from "./conditions/tokens.ts";
import type { Scope } from "./rule-key.ts";

export const conditionFields = {
  tokens: tokensSchema.optional(),
  clientFrom: networksSchema.optional(),
  visitorFrom: networksSchema.optional(),
  hours: hoursSchema.optional(),
  proxies: proxiesSchema.optional(),
  limits: limitsSchema.optional(),
};

type Written = { readonly [K in keyof typeof conditionFields]?: z.infer<(typeof conditionFields)[K]> };

export type ReadConditions = { readonly conditions: readonly Condition[] } | { readonly problem: string };

/** What is cheap and tells most stands first; what counts stands last. */
export function readConditions(written: Written, scope: Scope): ReadConditions {
  const { tokens, clientFrom: clients, visitorFrom: visitors, hours, proxies, limits } = written;
  const counting = limits === undefined ? [] : limitsOf(limits, scope);
  if (counting === null) {
    return {
      problem: "limits count per user, proxy or address: they stand on a user, group, proxy or ip rule",
    };
  }
  if (proxies?.max !== undefined && scope !== "user" && scope !== "group") {
    return { problem: "proxies.max counts per user: it stands on a user or group rule" };
  }
  if (scope === "proxy" && (clients !== undefined || limits?.loginsPerMinute !== undefined)) {
    const name = clients ? "clientFrom" : "limits.loginsPerMinute";
    return { problem: `${name} is asked at Login, which names no proxy: it never stands on a proxy rule` };
  }
  if (scope === "domain" && clients !== undefined) {
    return {
      problem: "clientFrom is asked at Login, which names no domain: it never stands on a domain rule",
    };
  }
  const ofFrp = tokens ? "tokens" : clients ? "clientFrom" : proxies ? "proxies" : null;
  if (scope === "route" && ofFrp !== null)
    return { problem: `${ofFrp} is asked of frp, which names no route: it never stands on a route rule` };
  if (scope === "ip" && proxies !== undefined) {
    return { problem: "proxies is asked at NewProxy, which tells no address: it never stands on an ip rule" };
  }
  const conditions = [
    ...(tokens ? [oneOfTokens(tokens)] : []),
    ...(clients ? [clientFrom(clients)] : []),
    ...(visitors ? [visitorFrom(visitors)] : []),
    ...(hours ? [withinHours(hours)] : []),
    ...(proxies ? proxiesOf(proxies) : []),
    ...counting,
  ];
  // A copy, since a list that was put together keeps room for sixteen more.
  return { conditions: conditions.slice() };
}
