/** Parts of a rule that no op asks: the ops that it is limited to are others, or its types of proxies are. */
import { routedByDomain } from "../../op.ts";
import { objectIn } from "../policy-text-edit.ts";
import { hooksIn } from "../prox-terms.ts";
import type { ReadableRule } from "../rule.ts";
import type { Scope } from "../rule-key.ts";
import type { Finding } from "./finding.ts";

/** The ops that a rule of a scope can meet; those of other scopes meet any. */
const opsOfScope: Readonly<Partial<Record<Scope, readonly string[]>>> = {
  proxy: ["NewProxy", "NewUserConn", "on_connect", "on_request"],
  ip: ["Login", "NewUserConn", "on_connect", "on_request"],
  domain: ["NewProxy", "on_connect", "on_request"],
  route: ["on_connect", "on_request"],
};
/** Asked about after the fact. */
const onlyTold: ReadonlySet<string> = new Set(["CloseProxy", "CloseUserConn", "on_disconnect"]);
/** By the beginning of a condition's name; others are asked at every op. */
const opsOfCondition: readonly (readonly [name: string, ops: readonly string[]])[] = [
  ["clientFrom", ["Login"]],
  ["visitorFrom", ["NewUserConn", "on_connect", "on_request"]],
  ["proxies.", ["NewProxy"]],
  ["limits.loginsPerMinute", ["Login"]],
  ["limits.connections", ["NewUserConn"]],
];
const portTypes: ReadonlySet<unknown> = new Set(["tcp", "udp"]);

export function* neverAskedFindings(rule: ReadableRule): Generator<Finding> {
  const { key, terms } = rule;
  if (key.scope === "route" && !/:\d+$/.test(key.id)) {
    const what = "is never asked: prox names a route by its service and its number, from 0";
    yield { ...never(rule, what), remedy: `write it under such a key, as route:${key.id}:0` };
    return;
  }
  const limited = limitedTo(rule);
  const met = opsOfScope[key.scope];
  const asked = (op: string): boolean =>
    op === "on_response"
      ? Boolean(terms.prox?.response)
      : !onlyTold.has(op) && (met === undefined || met.includes(op));
  const named = limited === null ? "" : [...(terms.ops ?? limited)].join(", ");
  if (limited !== null && ![...limited].some(asked)) {
    const why =
      limited.size > 0 && limited.isSubsetOf(onlyTold) ? "cannot be refused" : "never meets this key";
    yield never(rule, `is never asked: ${named} ${why}`);
    return;
  }
  if (limited !== null) {
    for (const { name } of terms.conditions) {
      const at = opsOfCondition.find(([beginning]) => name.startsWith(beginning))?.[1];
      if (at === undefined || at.some((op) => limited.has(op) && asked(op))) continue;
      yield never(
        rule,
        `${name} is never asked: it belongs to ${at[0]}, and the rule is limited to ${named}`,
      );
    }
    for (const op of Object.keys(terms.set ?? {})) {
      if (!limited.has(op))
        yield never(rule, `set.${op} never takes effect: the rule is limited to ${named}`);
    }
    for (const hook of terms.prox ? hooksIn(terms.prox) : []) {
      if (!limited.has(hook))
        yield never(rule, `prox.${hook} never takes effect: the rule is limited to ${named}`);
    }
  }
  yield* typeFindings(rule);
}

/** `proxies.types` that leave out all that ports or domains are asked of. */
function* typeFindings(rule: ReadableRule): Generator<Finding> {
  const names = new Set(rule.terms.conditions.map(({ name }) => name));
  if (!names.has("proxies.types")) return;
  const { types = [] } = (objectIn(rule.value)?.proxies ?? {}) as { types?: readonly string[] };
  const domains = ["proxies.domains", "proxies.subdomains"].find((name) => names.has(name));
  if (names.has("proxies.ports") && !types.some((type) => portTypes.has(type)))
    yield never(rule, "proxies.ports is never asked: proxies.types has neither tcp nor udp");
  if (domains !== undefined && !types.some((type) => routedByDomain.has(type)))
    yield never(rule, `${domains} is never asked: proxies.types has none of http, https and tcpmux`);
}

/** The ops that a rule is limited to; null when to none. */
function limitedTo({ key, terms }: ReadableRule): ReadonlySet<string> | null {
  if (key.scope !== "op") return terms.ops;
  return new Set(terms.ops === null || terms.ops.has(key.id) ? [key.id] : []);
}

function never(rule: ReadableRule, what: string): Finding {
  return {
    severity: "warning",
    code: "never_asked",
    key: rule.key.text,
    what,
    remedy: "take it out, or change what the rule is limited to",
  };
}
