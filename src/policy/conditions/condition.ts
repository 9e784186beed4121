/**
 * What a rule demands beside being met. Reading a rule's value makes its conditions; evaluation asks them in
 * turn and the first that fails refuses.
 *
 * To add one: a file in this folder with its schema and a function that makes it, and in rule-conditions.ts a field
 * and a line.
 */
import type { Check, ReasonCode } from "../../decision.ts";
import type { Op } from "../../op.ts";
import type { Facts } from "../facts.ts";

export interface Condition {
  /** As in the rule's JSON, and in a decision's checks. */
  readonly name: string;
  /** The code and the public text of a refusal by it. */
  readonly code: ReasonCode;
  readonly reason: string;
  ask(op: Op, facts: Facts): Answered;
}

/** `result` is `skip` where the op is none that this condition is asked at. */
export type Answered = Pick<Check, "result" | "seen" | "count" | "limit">;

/** Of a condition that counts. */
export function counted(count: number | null, limit: number, what = ""): Answered {
  if (count === null)
    return { result: "unknown", seen: `no count was recorded for a limit of ${limit}`, limit };
  return { result: count < limit ? "pass" : "fail", seen: `${count}${what} of ${limit}`, count, limit };
}

/** An allow refuses from its end on for as long as its key exists. */
export function notEnded(expiresAtMs: number): Condition {
  return {
    name: "expiresAt",
    code: "access_ended",
    reason: "access ended",
    ask(_op, facts) {
      if (facts.nowMs < expiresAtMs) return { result: "pass" };
      return { result: "fail", seen: `ended ${new Date(expiresAtMs).toISOString()}` };
    },
  };
}
