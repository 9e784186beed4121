/** Of what prox is told: values that cannot be read, and targets that end, which prox keeps. */
import { placeOf } from "../push-value.ts";
import type { Rule } from "../rule.ts";
import { type CheckContext, type Finding, spanText } from "./finding.ts";

export function* pushFindings(rule: Rule, { leftMs }: CheckContext): Generator<Finding> {
  const key = rule.key.text;
  if (!rule.readable) {
    yield {
      severity: "error",
      code: "unreadable",
      key,
      what: `cannot be read, and prox keeps what it has: ${rule.problem}`,
      remedy: "write it anew (`sluice policy set` checks first), or remove it",
    };
    return;
  }
  const left = leftMs.get(key);
  if (left === undefined || placeOf(rule.key.id).kind !== "targets") return;
  yield {
    severity: "warning",
    code: "temporary_targets",
    key,
    what: `ends in ${spanText(left)} by its TTL, and prox keeps these targets until its config is reloaded`,
    remedy: "write the targets that come after instead, or leave the TTL out",
  };
}
