/** Fields of a rule that say something else than they seem to. */
import { objectIn } from "../policy-text-edit.ts";
import type { ReadableRule } from "../rule.ts";
import type { Finding } from "./finding.ts";

/** How many are named. */
const mostNamed = 5;

export function* unmeantFindings(rule: ReadableRule): Generator<Finding> {
  const { effect } = rule.terms;
  const fields = objectIn(rule.value);
  if (fields === null) return;
  if (effect !== "deny" && fields.reason !== undefined && fields.effect === undefined) {
    yield {
      severity: "warning",
      code: "untold_reason",
      key: rule.key.text,
      what: `has a reason, which is told by a deny only, and this is ${effect === "allow" ? "an allow" : "a require"}`,
      remedy: 'say "effect":"deny" if it should refuse',
    };
  }
  yield* nameFindings(rule, fields);
}

/** Of a user's proxies frp itself makes `alice.ssh`, and a rule says `ssh`. */
function* nameFindings({ key }: ReadableRule, fields: Readonly<Record<string, unknown>>): Generator<Finding> {
  if (key.scope !== "user" || key.id === "") return;
  const { names = [] } = (fields.proxies ?? {}) as { names?: readonly string[] };
  const prefixed = names.filter((name) => name.startsWith(`${key.id}.`));
  if (prefixed.length === 0) return;
  const more = prefixed.length > mostNamed ? ` and ${prefixed.length - mostNamed} more` : "";
  yield {
    severity: "warning",
    code: "prefixed_name",
    key: key.text,
    what: `proxies.names has ${prefixed.slice(0, mostNamed).join(", ")}${more}: names are written without the user's prefix`,
    remedy: `leave ${key.id}. out of them`,
  };
}
