/** Rules that are only tried out, and limits that cannot be enforced at a frps that was seen. */
import { objectIn } from "../policy-text-edit.ts";
import type { ReadableRule } from "../rule.ts";
import type { CheckContext, Finding } from "./finding.ts";

/** How many are named. */
const mostNamed = 8;
/** Of user connections frps asks about these alone. */
const askedTypes: ReadonlySet<string | null> = new Set(["tcp", "https", "tcpmux", "stcp", "sudp"]);

export function* enforcementFindings(rule: ReadableRule, { seen }: CheckContext): Generator<Finding> {
  const key = rule.key.text;
  if (!rule.terms.enforce) {
    yield {
      severity: "info",
      code: "tried_out",
      key,
      what: "is only tried out (enforce: false): what it would refuse is recorded as wouldRefuse",
      remedy: "take enforce out when it shall refuse",
    };
  }
  if (seen === null || !limitsConnections(rule)) return;
  const { types } = (objectIn(rule.value)?.proxies ?? {}) as { types?: readonly (string | null)[] };
  const silent = seen
    .filter(({ type, endsTold }) => !endsTold && askedTypes.has(type) && (types?.includes(type) ?? true))
    .map(({ node, type }) => `${node} (${type})`);
  if (silent.length === 0) return;
  const more = silent.length > mostNamed ? ` and ${silent.length - mostNamed} more` : "";
  yield {
    severity: "warning",
    code: "not_enforceable",
    key,
    what: `limits.connections cannot be enforced at ${silent.slice(0, mostNamed).join(", ")}${more}: ends of connections are not told there`,
    remedy:
      "use limits.connectionsPerMinute, or a frps that sends CloseUserConn (nodes.<name>.closeUserConn)",
  };
}

export function limitsConnections(rule: ReadableRule): boolean {
  return rule.terms.conditions.some(({ name }) => name === "limits.connections");
}
