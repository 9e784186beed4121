/**
 * A rule: one policy key and its value, read once.
 *
 * A value is `allow`, `deny`, `deny some reason`, or a JSON object. What cannot be read stays in the rule
 * set as `unreadable` and refuses whatever its key covers: a misspelt condition must not pass for none.
 */
export const scopes = ["default", "op", "node", "user", "client", "proxy", "ip", "domain"] as const;
export type Scope = (typeof scopes)[number];

export type Effect = "allow" | "deny" | "require";

export interface RuleKey {
  /** Without prefix: `user:alice`, `default`. */
  readonly text: string;
  readonly scope: Scope;
  readonly id: string;
}

export type Rule = ReadableRule | UnreadableRule;

export interface ReadableRule {
  readonly readable: true;
  readonly key: RuleKey;
  readonly effect: Effect;
  /** For a deny; null means the standing text. */
  readonly reason: string | null;
  /** Native op names that the rule is limited to; null means all. */
  readonly ops: ReadonlySet<string> | null;
  readonly notBeforeMs: number | null;
  readonly expiresAtMs: number | null;
  /** False: a refusal by this rule is only recorded (`wouldRefuse`). */
  readonly enforce: boolean;
  readonly by: string | null;
  readonly note: string | null;
}

export interface UnreadableRule {
  readonly readable: false;
  readonly key: RuleKey;
  readonly problem: string;
}
