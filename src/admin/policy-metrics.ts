/** What Prometheus reads of the rules in force. */
import type { Registry } from "prom-client";
import type { SourceState } from "../policy/policy.ts";
import type { RuleSet } from "../policy/rule-set.ts";
import { gauge } from "./figures.ts";

export interface PolicyState {
  readonly available: boolean;
  readonly rules: RuleSet;
  readonly keptRules: number;
  readonly stale: boolean;
  readonly source: SourceState;
}

/** What fits a number of Prometheus's exactly. */
const revisionDigits = 12;

export function policyMetrics(registry: Registry, state: () => PolicyState): void {
  const figure = (name: string, help: string, pick: (now: PolicyState) => number): void =>
    gauge(registry, `sluice_policy_${name}`, help, () => pick(state()));
  figure("rules", "Rules in force", ({ rules }) => rules.size);
  figure("unreadable_rules", "Rules that cannot be read and refuse", ({ rules }) => rules.unreadable.size);
  figure(
    "kept_rules",
    "Rules that vanished all at once and stay in force all the same",
    ({ keptRules }) => keptRules,
  );
  figure("bans", "Bans in force", ({ rules }) => rules.bans);
  figure("revision", "First 12 hex digits of the revision, as a number", ({ rules }) =>
    Number.parseInt(rules.revision.slice(0, revisionDigits), 16),
  );
  figure("available", "1 once a policy has been loaded", ({ available }) => Number(available));
  figure("source_connected", "1 while the source answers", ({ source }) => Number(source.connected));
  figure("age_seconds", "Since the source last confirmed the rules", ({ source }) => source.ageMs / 1000);
  figure("stale", "1 while the rules are older than policy.maxStaleMs", ({ stale }) => Number(stale));
}
