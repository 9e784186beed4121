/**
 * What cannot be judged where the record holds pseudonyms: rules name users and addresses as they are.
 */
import type { OpData } from "../events/data.ts";
import type { Op } from "../op.ts";
import type { RuleSet } from "../policy/rule-set.ts";

/** What the rules of a policy look at. */
export interface Asked {
  readonly users: boolean;
  readonly addresses: boolean;
  /** What a user calls a proxy. */
  readonly proxyNames: boolean;
}

const addressConditions = ["clientFrom", "visitorFrom"];

export function askedBy(rules: RuleSet): Asked {
  const asked = { users: false, addresses: false, proxyNames: false };
  for (const rule of rules.all()) {
    const { scope } = rule.key;
    const conditions = rule.readable ? rule.terms.conditions.map(({ name }) => name) : [];
    asked.users ||= scope === "user" || scope === "proxy";
    asked.addresses ||=
      scope === "ip" || scope === "ban" || conditions.some((name) => addressConditions.includes(name));
    asked.proxyNames ||= conditions.includes("proxies.names");
  }
  return asked;
}

/** @param naming of the event: `user,ip;key=…` */
export function hiddenByNaming(naming: string, data: OpData, op: Op, asked: Asked): string | null {
  const kinds = naming.replace(/;.*/s, "").split(",");
  const byUser = kinds.includes("user") && (op.user !== null || op.proxy !== null);
  const isOwnName = op.proxy === null || op.proxy.name.startsWith(`${op.user}.`);
  if (byUser && (asked.users || (asked.proxyNames && !isOwnName))) return "user: a pseudonym in the event";
  if (kinds.includes("ip") && data.remote?.ip && asked.addresses) return "address: a pseudonym in the event";
  return data.rewrite === null ? null : "set: pseudonyms may stand in the event";
}
