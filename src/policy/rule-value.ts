/**
 * The values of rules: `allow`, `deny`, `deny some reason`, or a JSON object.
 *
 * Whatever else there may be under a key is a problem in words, never an exception and never an allow. The
 * words hold nothing of the value but the names of its JSON keys.
 */
import { z } from "zod";
import { redactor } from "../events/redact.ts";
import { hint } from "../spelling.ts";
import { type Condition, notEnded } from "./conditions/condition.ts";
import { shownDigest } from "./conditions/tokens.ts";
import { misspeltOp } from "./op-names.ts";
import { hookOf, type ProxTerms, proxSchema, readProx } from "./prox-terms.ts";
import type { Push } from "./push-value.ts";
import { type Rewrites, rewritesSchema } from "./rewrites.ts";
import { conditionFields, readConditions } from "./rule-conditions.ts";
import type { Scope } from "./rule-key.ts";
import { flag, listOf, printableName, text } from "./written.ts";

type Effect = "allow" | "deny" | "require";

export interface RuleTerms {
  readonly effect: Effect;
  /** What a deny tells the client; null means the standing text. */
  readonly reason: string | null;
  /** Native op names that the rule is limited to; null means all. */
  readonly ops: ReadonlySet<string> | null;
  /** From this moment on, inclusive; milliseconds since 1970. */
  readonly notBeforeMs: number | null;
  /** Up to this moment, exclusive; milliseconds since 1970. */
  readonly expiresAtMs: number | null;
  /** False: a refusal by this rule is only recorded (`wouldRefuse`). */
  readonly enforce: boolean;
  readonly by: string | null;
  readonly note: string | null;
  readonly conditions: readonly Condition[];
  /** Names of groups; of user rules only. */
  readonly groups: readonly string[];
  /** What the answer changes when this rule lets an op pass. */
  readonly set: Rewrites | null;
  /** What it changes at prox, and how it refuses there. */
  readonly prox: ProxTerms | null;
  /** What the plugin tells prox; of keys of the scope prox only, whose terms decide nothing. */
  readonly push?: Push;
}

export type ReadValue = { readonly terms: RuleTerms } | { readonly problem: string };

const banDenies = "a ban denies: an ip rule can allow";
const longestValue = 65_536;
const longestReason = 512;
const masked = "***";
const hideSecrets = redactor("mask");

const noConditions: readonly Condition[] = Object.freeze([]);
export const plainTerms: RuleTerms = {
  effect: "allow",
  reason: null,
  ops: null,
  notBeforeMs: null,
  expiresAtMs: null,
  enforce: true,
  by: null,
  note: null,
  conditions: noConditions,
  groups: Object.freeze([]),
  set: null,
  prox: null,
};
// Shared, since most of a million rules are one of these two.
const plainAllow: ReadValue = Object.freeze({ terms: Object.freeze(plainTerms) });
const plainDeny: ReadValue = Object.freeze({ terms: Object.freeze({ ...plainTerms, effect: "deny" }) });

const moment = z.iso
  .datetime({ offset: true, error: "must be an ISO 8601 time with a zone, such as 2027-01-01T00:00:00Z" })
  .transform((written) => Date.parse(written));
const opName = z.string({ error: "must be names of ops" }).superRefine((name, issues) => {
  const meant = misspeltOp(name);
  if (name === "") issues.addIssue("must be names of ops");
  if (meant !== null) issues.addIssue(`has a name that is no op, did you mean ${meant}?`);
});

const groupName = z
  .string({ error: "must be names of groups" })
  .min(1, "must be names of groups, which are never empty");

const fields = z.strictObject({
  effect: z.enum(["allow", "deny", "require"], { error: "must be allow, deny or require" }).optional(),
  reason: text.optional(),
  ops: listOf(opName, "ops", 64).optional(),
  notBefore: moment.optional(),
  expiresAt: moment.optional(),
  groups: listOf(groupName, "names of groups", 32).optional(),
  set: rewritesSchema.optional(),
  prox: proxSchema.optional(),
  ...conditionFields,
  enforce: flag.optional(),
  by: text.optional(),
  note: text.optional(),
});
const fieldNames = Object.keys(fields.shape);

/** Reads the value of a rule of `scope`. White space around it, as redis-cli leaves it, does not count. */
export function readValue(value: string, scope: Scope): ReadValue {
  if (value.length > longestValue) return { problem: `the value is longer than ${longestValue} characters` };
  // Bytes that are not UTF-8 reach us as U+FFFD.
  if (value.includes("\ufffd")) return { problem: "the value is not valid UTF-8" };
  const trimmed = value.trim();
  if (trimmed === "allow") return scope === "ban" ? { problem: banDenies } : plainAllow;
  if (trimmed === "deny") return plainDeny;
  if (trimmed === "") return { problem: "the value is empty" };
  if (/^deny\s/.test(trimmed)) {
    const reason = cleanReason(trimmed.slice("deny".length));
    return { terms: { ...plainTerms, effect: "deny", reason } };
  }
  if (trimmed.startsWith("{")) return readObject(trimmed, scope);
  return { problem: "the value is neither allow, nor deny with or without a reason, nor a JSON object" };
}

/**
 * A rule's value as it may be published: short forms and known fields as they are, of hashes of tokens as much as
 * checks show, everything else masked.
 * What cannot be read might be anything, so nothing of it is shown.
 */
export function redactedValue(value: string): string {
  const trimmed = value.trim();
  if (trimmed === "allow" || trimmed === "deny" || trimmed === "") return trimmed;
  if (trimmed.length > longestValue) return masked;
  if (/^deny\s/.test(trimmed)) return `deny ${cleanReason(trimmed.slice("deny".length)) ?? ""}`.trim();
  const object = trimmed.startsWith("{") ? parseObject(trimmed) : null;
  if (object === null) return masked;
  const shown = Object.entries(object).map(([name, field]) => [
    name,
    isShown(name, field) ? shownField(name, field) : masked,
  ]);
  return JSON.stringify(Object.fromEntries(shown));
}

/** A text that a client may be shown: no control characters, no change of writing direction, of bounded length. */
function cleanReason(text: string): string | null {
  const printable = text
    .slice(0, 4 * longestReason)
    .replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, " ")
    .trim();
  return printable.slice(0, longestReason).toWellFormed().trim() || null;
}

function readObject(json: string, scope: Scope): ReadValue {
  const object = parseObject(json);
  if (object === null) return { problem: "the value begins like a JSON object but is none" };
  for (const name of Object.keys(object)) {
    if (!fieldNames.includes(name)) {
      return { problem: `unknown key ${printableName(name)}${hint(name, fieldNames) || placeHint(name)}` };
    }
  }
  const read = fields.safeParse(object);
  if (!read.success) return { problem: firstProblem(read.error) };
  const effect = read.data.effect ?? effectWhereUnsaid(scope);
  if (scope === "default" && effect === "require") {
    return { problem: "default takes the effect allow or deny, and it must be said" };
  }
  if (scope === "ban" && effect !== "deny") return { problem: banDenies };
  const { notBefore = null, expiresAt = null } = read.data;
  if (notBefore !== null && expiresAt !== null && notBefore >= expiresAt) {
    return { problem: "expiresAt is not after notBefore" };
  }
  const asked = Object.keys(read.data).find((name) => name in conditionFields);
  const { groups = plainTerms.groups, set = null } = read.data;
  if (effect === "deny" && (asked !== undefined || set !== null)) {
    return {
      problem: `a deny takes no ${asked ?? "set"}: an allow or a require with it refuses what does not meet it`,
    };
  }
  if (scope === "default" && (asked !== undefined || set !== null))
    return { problem: `default takes no ${asked ?? "set"}: a rule of another scope can have it` };
  if (groups.length > 0 && scope !== "user") return { problem: "groups stand on a user rule" };
  const demanded = asked === undefined ? { conditions: noConditions } : readConditions(read.data, scope);
  if ("problem" in demanded) return demanded;
  const terms = {
    effect,
    reason: read.data.reason === undefined ? null : cleanReason(read.data.reason),
    ops: read.data.ops === undefined ? null : new Set(read.data.ops),
    notBeforeMs: notBefore,
    expiresAtMs: expiresAt,
    enforce: read.data.enforce ?? true,
    by: read.data.by ?? null,
    note: read.data.note ?? null,
  };
  const conditions = conditionsOf(terms, demanded.conditions);
  const changed =
    read.data.prox === undefined ? { prox: null } : readProx(read.data.prox, { scope, effect, conditions });
  if ("problem" in changed) return changed;
  return { terms: { ...terms, groups, set, prox: changed.prox, conditions } };
}

/** In the order in which they are asked. */
function conditionsOf(
  { effect, expiresAtMs }: Pick<RuleTerms, "effect" | "expiresAtMs">,
  demanded: readonly Condition[],
): readonly Condition[] {
  // A deny or require that has ended is no longer in force instead.
  if (effect !== "allow" || expiresAtMs === null) return demanded;
  return [notEnded(expiresAtMs), ...demanded];
}

const allowing: ReadonlySet<Scope> = new Set<Scope>(["user", "client", "proxy", "route"]);

function effectWhereUnsaid(scope: Scope): Effect {
  if (scope === "ban") return "deny";
  return allowing.has(scope) ? "allow" : "require";
}

function parseObject(json: string): Record<string, unknown> | null {
  try {
    const parsed: unknown = JSON.parse(json);
    return typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>) : null;
  } catch {
    // The thrown text quotes the value.
    return null;
  }
}

function firstProblem(error: z.ZodError): string {
  const issue = error.issues[0]!;
  const field = issue.path.filter((part) => typeof part === "string").join(".");
  return `${field || "the value"} ${issue.message}`;
}

const secretName = /pass|secret|token|key|auth|cookie/i;

/** What a rule sets may hold passwords, under the names that frp gives them. */
function shownField(name: string, field: unknown): unknown {
  if (name === "tokens") return (field as readonly string[]).map(shownDigest);
  return typeof field === "object" && field !== null && !Array.isArray(field)
    ? hideSecrets(field as Record<string, unknown>)
    : field;
}

function isShown(name: string, field: unknown): boolean {
  if ((name !== "tokens" && secretName.test(name)) || !fieldNames.includes(name)) return false;
  return fields.shape[name as keyof typeof fields.shape].safeParse(field).success;
}

function placeHint(name: string): string {
  const place = hookOf(name);
  return place === null ? "" : `: ${place}`;
}
