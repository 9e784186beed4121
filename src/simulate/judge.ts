/**
 * What a candidate policy says of a recorded operation, beside what was said then.
 *
 *   decided with every unknown as held ──┐
 *                                        ├─ alike? ──▶ as before, or changed
 *   decided with every unknown as failed ┘     └─no──▶ undecidable
 *
 * Exact, since conditions are monotone: one that holds where it failed never makes an outcome worse. So what is the
 * same at both ends is the same for whatever the record does not tell.
 */
import type { Check, Decision, ReasonCode } from "../decision.ts";
import { shownChanges } from "../events/prox-changes.ts";
import type { Redact } from "../events/redact.ts";
import { decide } from "../policy/decide.ts";
import type { Facts, Recorded } from "../policy/facts.ts";
import { mostChecks } from "../policy/findings.ts";
import type { PolicyView } from "../policy/policy.ts";
import { type Operation, type Outcome, outcomeOf } from "./operation.ts";
import { compareRewrites } from "./rewritten.ts";

/** By what an outcome came about, or might. */
export interface Cause {
  /** Null: no rule's doing. */
  readonly rule: string | null;
  /** Of the decision; null where there is none. */
  readonly code: ReasonCode | null;
  readonly why: string;
}

export type Verdict =
  | { readonly kind: "same" }
  | ({ readonly kind: "decision"; readonly from: Outcome; readonly to: Outcome } & Cause)
  /** Allowed as before, with other fields set. */
  | ({ readonly kind: "rewrite" } & Cause)
  | ({ readonly kind: "undecidable" } & Cause);

const same: Verdict = { kind: "same" };

export function judge(policy: PolicyView, operation: Operation, keyed: Redact | null): Verdict {
  const { outcome: from, cause, open } = operation;
  if (open !== null) return { kind: "undecidable", rule: null, code: null, why: open };
  const atBest = decide(policy, operation.op, factsOf(policy, operation, "pass"));
  const unknown = atBest.checks.filter(({ result }) => result === "unknown");
  // Where not all checks are listed, one may be unknown.
  const listed = atBest.checks.length < mostChecks;
  const certain = unknown.length === 0 && listed;
  const atWorst = certain ? atBest : decide(policy, operation.op, factsOf(policy, operation, "fail"));
  const to = outcomeOf(atBest);
  if (to !== outcomeOf(atWorst)) return undecidable(atWorst, unknown);
  if (to === from) {
    if (to === "refused") return same;
    // With one unknown it is one of two; with more, other fields may be set than at either end.
    if (!certain && !(unknown.length === 1 && listed) && (atBest.set || atBest.prox))
      return undecidable(atWorst, unknown);
    const best = rewriteVerdict(operation, atBest, keyed);
    return certain || best.kind === rewriteVerdict(operation, atWorst, keyed).kind
      ? best
      : undecidable(atWorst, unknown);
  }
  if (to !== "allowed") {
    const { rule, code, reason } = atBest.wouldRefuse ?? atBest;
    return { kind: "decision", from, to, rule, code, why: reason };
  }
  const was = `was: ${cause.reason}${cause.rule === null ? "" : ` (${cause.rule})`}`;
  return { kind: "decision", from, to, rule: atWorst.rule, code: atWorst.code, why: was };
}

function factsOf(
  { settings }: PolicyView,
  { op, counts, hiddenToken }: Operation,
  unknownAs: Recorded["unknownAs"],
): Facts {
  return { nowMs: op.atMs, tokenMeta: settings.tokenMeta, ...counts, recorded: { unknownAs, hiddenToken } };
}

/** Both are allowed: whether the answer sets the same fields. */
function rewriteVerdict(
  { rewrite }: Operation,
  { rule, code, set, prox }: Decision,
  keyed: Redact | null,
): Verdict {
  const { changed, hidden } = compareRewrites(rewrite, set ?? (prox && shownChanges(prox)), keyed);
  if (changed.length > 0)
    return { kind: "rewrite", rule, code, why: `sets otherwise: ${changed.join(", ")}` };
  if (hidden.length === 0) return same;
  return { kind: "undecidable", rule, code, why: `set ${hidden.join(", ")}: hidden in the event` };
}

/** The rule that refuses if what is not known does not hold, and what of it is not known. */
function undecidable(atWorst: Decision, unknown: readonly Check[]): Verdict {
  const { rule, code } = atWorst.wouldRefuse ?? atWorst;
  const own = unknown.filter((check) => check.rule === rule);
  const told = (own.length > 0 ? own : unknown).map(({ condition, seen }) => `${condition}: ${seen}`);
  const why = told.length === 0 ? "more checks than are listed" : [...new Set(told)].slice(0, 3).join("; ");
  return { kind: "undecidable", rule, code, why };
}
