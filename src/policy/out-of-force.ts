/** Which rules are asked at a moment about an op. */
import type { Op } from "../op.ts";
import type { Rule } from "./rule.ts";

/** The field of a rule that keeps it from being asked. */
export type OutOfForce = "ops" | "notBefore" | "expiresAt";

/**
 * What keeps a rule from being asked; null when it is in force. An allow that has ended still is: it refuses.
 * So is a rule that cannot be read, since nobody can tell what it is limited to.
 */
export function outOfForce(rule: Rule, op: Op, nowMs: number): OutOfForce | null {
  if (!rule.readable) return null;
  const { effect, ops, notBeforeMs, expiresAtMs } = rule.terms;
  if (ops !== null && !ops.has(op.name)) return "ops";
  if (notBeforeMs !== null && nowMs < notBeforeMs) return "notBefore";
  if (effect !== "allow" && expiresAtMs !== null && nowMs >= expiresAtMs) return "expiresAt";
  return null;
}
