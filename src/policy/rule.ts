/**
 * A rule: one policy key and its value, read once.
 *
 * What cannot be read stays in the rule set as `unreadable` and refuses whatever its key covers: a misspelt
 * condition must not pass for none. Where the key itself covers nothing (`usr:alice`), nothing can be
 * refused by it; it stays in the set to be listed and counted.
 */
import { type RuleKey, readKey, type Scope } from "./rule-key.ts";
import { type RuleTerms, readValue } from "./rule-value.ts";

export type Rule = ReadableRule | UnreadableRule;

export interface ReadableRule {
  readonly readable: true;
  readonly key: RuleKey & { readonly scope: Scope };
  /** As written. May hold secrets: redactedValue makes what may be published. */
  readonly value: string;
  /** One object for all plain allows, and one for all plain denies. */
  readonly terms: RuleTerms;
}

export interface UnreadableRule {
  readonly readable: false;
  readonly key: RuleKey;
  readonly value: string;
  /** Why, with nothing of the value in it but the names of its JSON keys. */
  readonly problem: string;
}

/** Reads a key without prefix (`user:alice`) and its value. Never throws; see `readable`. */
export function parseRule(keyText: string, value: string): Rule {
  const { key, problem } = readKey(keyText);
  if (problem !== null || !isCovering(key)) {
    return { readable: false, key, value, problem: problem ?? "the key covers nothing" };
  }
  const read = readValue(value, key.scope);
  if ("problem" in read) return { readable: false, key, value, problem: read.problem };
  return { readable: true, key, value: sharedText(value), terms: read.terms };
}

function isCovering(key: RuleKey): key is RuleKey & { readonly scope: Scope } {
  return key.scope !== null;
}

/** A source hands out each `allow` as a text of its own; a million of them would be kept. */
function sharedText(value: string): string {
  if (value === "allow") return "allow";
  return value === "deny" ? "deny" : value;
}
