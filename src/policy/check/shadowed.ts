/** Rules that never matter, because a lasting deny refuses all that they cover, and groups that do not fit together. */
import type { ReadableRule, Rule } from "../rule.ts";
import { type CheckContext, type Finding, lastingDeny } from "./finding.ts";

export function* shadowFindings(rule: ReadableRule, context: CheckContext): Generator<Finding> {
  if (rule.terms.effect === "deny" || rule.key.scope === "default") return;
  const by = byOps(rule, context) ?? byUser(rule, context) ?? byGroup(rule, context);
  if (by === null) return;
  yield {
    severity: "warning",
    code: "shadowed",
    key: rule.key.text,
    what: `never matters: ${by} refuses all that it covers`,
    remedy: `remove one of the two; a deny is never overridden by ${rule.terms.effect === "allow" ? "an allow" : "a require"}`,
  };
}

/** Every op that it is limited to is denied. */
function byOps({ key, terms: { ops } }: ReadableRule, context: CheckContext): string | null {
  if (ops === null || key.scope === "op") return null;
  const denials = [...ops].map((op) => context.rules.at("op", op));
  return denials.every((denial) => lastingDeny(denial, context) && covers(denial, ops))
    ? keysOf(denials)
    : null;
}

/**
 * Every user that a proxy of this name can have is denied. User names may hold dots: `a.b.c` is a proxy of `a`, or
 * of `a.b`; an anonymous client may not use the name, since its prefix is that of a user with a rule.
 */
function byUser({ key, terms }: ReadableRule, context: CheckContext): string | null {
  if (key.scope !== "proxy" || !context.settings.ownNames) return null;
  const users: (Rule | undefined)[] = [];
  for (let dot = key.id.indexOf("."); dot >= 0; dot = key.id.indexOf(".", dot + 1)) {
    if (dot > 0) users.push(context.rules.at("user", key.id.slice(0, dot)));
    if (!lastingDeny(users.at(-1), context)) return null;
  }
  const all =
    users.length > 0 && users.every((user) => lastingDeny(user, context) && covers(user, terms.ops));
  return all ? keysOf(users) : null;
}

/** A deny in any of a user's groups refuses. */
function byGroup({ terms }: ReadableRule, context: CheckContext): string | null {
  const denying = terms.groups
    .map((name) => context.rules.at("group", name))
    .find((group) => lastingDeny(group, context) && covers(group, terms.ops));
  return denying?.key.text ?? null;
}

export function* groupFindings(
  rule: ReadableRule,
  listed: ReadonlySet<string>,
  { rules }: CheckContext,
): Generator<Finding> {
  if (rule.key.scope === "group" && !listed.has(rule.key.id)) {
    yield {
      severity: "warning",
      code: "unused_group",
      key: rule.key.text,
      what: "no user rule lists this group, so it is never asked",
      remedy: `list it in a user rule: {"groups":[${JSON.stringify(rule.key.id)}]}; or remove it`,
    };
  }
  for (const name of rule.terms.groups) {
    if (rules.at("group", name) !== undefined) continue;
    yield {
      severity: "warning",
      code: "missing_group",
      key: rule.key.text,
      what: `lists the group ${name}, which is not there: it refuses unless another of its groups holds`,
      remedy: `set group:${name}, or take it out of groups`,
    };
  }
}

/** Whether a deny is asked at every op that a rule is asked at. */
function covers({ terms }: ReadableRule, ops: ReadonlySet<string> | null): boolean {
  return terms.ops === null || ops?.isSubsetOf(terms.ops) === true;
}

function keysOf(rules: readonly (Rule | undefined)[]): string {
  return rules.flatMap((rule) => (rule ? [rule.key.text] : [])).join(", ");
}
