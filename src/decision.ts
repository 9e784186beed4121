/** What the policy said about an op: plain data, with no secret in it. */
import type { ProxChanges } from "./op.ts";

/** Stable, machine-readable reasons; the text beside them is for people. */
export type ReasonCode =
  | "rule_allow"
  | "rule_deny"
  | "default_allow"
  | "default_deny"
  | "banned"
  | "access_ended"
  | "token_rejected"
  | "client_address"
  | "visitor_address"
  | "proxy_name"
  | "proxy_type"
  | "proxy_port"
  | "proxy_domain"
  | "proxy_encryption"
  | "too_many_proxies"
  | "outside_hours"
  | "group_missing"
  | "too_many_logins"
  | "too_many_connections"
  | "too_many_new_connections"
  | "rule_unreadable"
  | "own_names"
  | "policy_unavailable"
  | "policy_stale"
  | "not_recorded"
  | "not_refusable";

/** One thing that evaluation looked at. */
export interface Check {
  /** The rule's key without prefix (`user:alice`), or the name of a built-in check (`ownNames`). */
  readonly rule: string;
  /** What of the rule was asked: `effect`, `expiresAt`, `value`, or the name of a condition. */
  readonly condition: string;
  /** `unknown` only where an op is judged from its record, which does not tell; never live, and in no event. */
  readonly result: "pass" | "fail" | "skip" | "not_enforceable" | "unknown";
  /** What was there, in words fit for a log. Never a secret. */
  readonly seen?: string;
  /** Of a condition that counts: how many there were, without this op. */
  readonly count?: number;
  /** And from how many on it fails. */
  readonly limit?: number;
}

export interface Decision {
  /** `recorded` for ops that cannot be refused. */
  readonly effect: "allowed" | "refused" | "recorded";
  /** Shown to the client when refused; never empty. */
  readonly reason: string;
  readonly code: ReasonCode;
  /** The most specific rule among those that caused the outcome; null when none did. */
  readonly rule: string | null;
  readonly revision: string;
  readonly checks: readonly Check[];
  /** Observe mode: what the decision would have been, had it been enforced. */
  readonly wouldRefuse?: { readonly reason: string; readonly code: ReasonCode; readonly rule: string | null };
  /** Fields to change, by native name. */
  readonly set?: Readonly<Record<string, unknown>>;
  /** What changes at prox, or is answered there in place of the standing refusal. */
  readonly prox?: ProxChanges;
}
