/**
 * Looks a whole policy over: a pure function of the rules, the settings, what frps was seen to do, and the moment.
 *
 * Every rule that cannot be read is named. Of rules that can be, it says what most likely was not meant; it says
 * only what is certain, so a rule without a finding may be a mistake all the same.
 */
import { enforcementFindings } from "./check/enforced.ts";
import type { CheckContext, Finding, SeenKind, Severity } from "./check/finding.ts";
import { neverAskedFindings } from "./check/never-asked.ts";
import { pushFindings } from "./check/pushes.ts";
import { groupFindings, shadowFindings } from "./check/shadowed.ts";
import { timeFindings } from "./check/times.ts";
import { unmeantFindings } from "./check/unmeant.ts";
import type { PolicySettings } from "./policy.ts";
import type { ReadableRule, Rule, UnreadableRule } from "./rule.ts";
import { RuleSet } from "./rule-set.ts";
import type { StoredRule } from "./store.ts";

export interface CheckInput {
  readonly rules: Iterable<StoredRule>;
  readonly settings: Pick<PolicySettings, "default" | "ownNames">;
  /** Null where no bridge could be asked. */
  readonly seen: readonly SeenKind[] | null;
  /** Wall clock, milliseconds since 1970. */
  readonly nowMs: number;
}

/** The worst first, then by key. */
export function checkPolicy({ rules: stored, settings, seen, nowMs }: CheckInput): Finding[] {
  const rules = new RuleSet();
  const leftMs = new Map<string, number>();
  const all: Rule[] = [];
  const sameByPlace = new Map<string, Rule[]>();
  const listed = new Set<string>();
  for (const { key, value, leftMs: left } of stored) {
    const rule = rules.set(key, value);
    if (left !== null) leftMs.set(key, left);
    all.push(rule);
    if (rule.readable) for (const group of rule.terms.groups) listed.add(group);
    const place = `${rule.key.scope}:${rule.key.id}`;
    sameByPlace.set(place, [...(sameByPlace.get(place) ?? []), rule]);
  }
  const context: CheckContext = { rules, settings, leftMs, seen, nowMs };
  const findings: Finding[] = [];
  for (const rule of all) {
    if (rule.key.scope === "prox") findings.push(...pushFindings(rule, context));
    else if (rule.readable) findings.push(...ruleFindings(rule, listed, context));
    else findings.push(unreadable(rule));
  }
  for (const same of sameByPlace.values()) if (same.length > 1) findings.push(repeated(same));
  return findings.sort(
    (a, b) => ranks[a.severity] - ranks[b.severity] || compare(a.key, b.key) || compare(a.code, b.code),
  );
}

const ranks: Readonly<Record<Severity, number>> = { error: 0, warning: 1, info: 2 };

function* ruleFindings(
  rule: ReadableRule,
  listed: ReadonlySet<string>,
  context: CheckContext,
): Generator<Finding> {
  yield* timeFindings(rule, context);
  yield* shadowFindings(rule, context);
  yield* groupFindings(rule, listed, context);
  yield* neverAskedFindings(rule);
  yield* unmeantFindings(rule);
  yield* enforcementFindings(rule, context);
}

function unreadable({ key, problem }: UnreadableRule): Finding {
  const covers = key.scope !== null;
  return {
    severity: "error",
    code: covers ? "unreadable" : "covers_nothing",
    key: key.text,
    what: covers
      ? `cannot be read, and refuses what it covers: ${problem}`
      : `covers nothing, and refuses nobody: ${problem}`,
    remedy: covers
      ? "write it anew (`sluice policy set` checks first), or remove it"
      : "write it under the right key, and remove this one",
  };
}

/** Keys written differently that cover the same: each counts. Told once, of the first. */
function repeated(same: readonly Rule[]): Finding {
  const [first, ...others] = same.toSorted((a, b) => compare(a.key.text, b.key.text));
  const effects = new Set(same.map(effectText));
  const refuses = effects.size > 1 && (effects.has("deny") || effects.has("unreadable"));
  return {
    severity: "warning",
    code: "same",
    key: first!.key.text,
    what:
      `(${effectText(first!)}) covers the same as ` +
      `${others.map((rule) => `${rule.key.text} (${effectText(rule)})`).join(", ")}: ` +
      (refuses ? "each counts, and a deny or an unreadable one refuses" : "each counts"),
    remedy: "keep the one that you mean",
  };
}

function effectText(rule: Rule): string {
  return rule.readable ? rule.terms.effect : "unreadable";
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
