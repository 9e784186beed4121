/** What `sluice policy check` says of a rule. */
import type { PolicySettings } from "../policy.ts";
import type { ReadableRule, Rule } from "../rule.ts";
import type { RuleSet } from "../rule-set.ts";

/** `error`: the rule does not do what it says. `warning`: it most likely is not what was meant. */
export type Severity = "error" | "warning" | "info";

export interface Finding {
  readonly severity: Severity;
  /** One word for the kind of finding, for programs. */
  readonly code: string;
  /** Without prefix, as written. */
  readonly key: string;
  readonly what: string;
  /** What can be done about it. */
  readonly remedy: string;
}

/** A frps and a proxy type that connections were seen of. */
export interface SeenKind {
  readonly node: string;
  readonly type: string | null;
  /** Whether the frps tells when such connections end. */
  readonly endsTold: boolean;
}

/** All that is looked at beside the rule itself. */
export interface CheckContext {
  readonly rules: RuleSet;
  readonly settings: Pick<PolicySettings, "default" | "ownNames">;
  /** By key: what is left of their TTLs, milliseconds. */
  readonly leftMs: ReadonlyMap<string, number>;
  /** Null where no bridge could be asked. */
  readonly seen: readonly SeenKind[] | null;
  readonly nowMs: number;
}

/** The effect that decides where no rule does. */
export function defaultEffect({ rules, settings, nowMs }: CheckContext): "allow" | "deny" {
  const rule = rules.at("default", "");
  if (rule === undefined) return settings.default;
  if (!rule.readable) return "deny";
  const { effect, enforce, ops, notBeforeMs, expiresAtMs } = rule.terms;
  if (ops !== null || (notBeforeMs !== null && notBeforeMs > nowMs)) return settings.default;
  const ended = expiresAtMs !== null && expiresAtMs <= nowMs;
  // A deny that has ended is not in force; what is only tried out refuses nothing, and decides all the same.
  if (effect === "deny") return ended ? settings.default : enforce ? "deny" : "allow";
  return ended && enforce ? "deny" : "allow";
}

/** Whether a deny is in force now and stays so until somebody takes it away. */
export function lastingDeny(rule: Rule | undefined, { leftMs, nowMs }: CheckContext): rule is ReadableRule {
  if (!rule?.readable || leftMs.has(rule.key.text)) return false;
  const { effect, enforce, notBeforeMs, expiresAtMs } = rule.terms;
  return effect === "deny" && enforce && expiresAtMs === null && (notBeforeMs ?? nowMs) <= nowMs;
}

/** `7d 3h`, `2m 5s`: the two largest units. */
export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const parts = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return "0s";
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join(" ");
}
