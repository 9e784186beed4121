/**
 * A rule: one policy key and its value, read once.
 *
 * What cannot be read stays in the rule set as `unreadable` and refuses whatever its key covers: a misspelt
 * condition must not pass for none. Where the key itself covers nothing (`usr:alice`), nothing can be
 * refused by it; it stays in the set to be listed and counted. What prox is told is no rule, and is read beside them.
 */
import { knownValue } from "./known-values.ts";
import { readPush } from "./push-value.ts";
import { type ReadKey, type RuleKey, readKey, type Scope } from "./rule-key.ts";
import { plainTerms, type ReadValue, type RuleTerms } from "./rule-value.ts";

export type Rule = ReadableRule | UnreadableRule;

/**
 * What a source said of a rule beside its value. HeldRules writes it and nobody else: in the rule itself, since a record
 * for each of a million rules, and a table to find it, would cost more than the rules do.
 */
export interface Held {
  /** On the monotonic clock; null when it does not end by itself. */
  endsAtMs: number | null;
  /** The newest resync at the time when the source last had this key. */
  round: number;
}

export interface ReadableRule extends Held {
  readonly readable: true;
  readonly key: RuleKey & { readonly scope: Scope };
  /** As written. May hold secrets: redactedValue makes what may be published. */
  readonly value: string;
  /** One object for many rules of the same scope that say the same. */
  readonly terms: RuleTerms;
}

export interface UnreadableRule extends Held {
  readonly readable: false;
  readonly key: RuleKey;
  readonly value: string;
  /** Why, with nothing of the value in it but the names of its JSON keys. */
  readonly problem: string;
}

const notHeld: Held = { endsAtMs: null, round: 0 };

/** Reads a key without prefix (`user:alice`) and its value. Never throws; see `readable`. */
export function parseRule(keyText: string, value: string): Rule {
  return ruleAt(readKey(keyText), value);
}

/** As parseRule, where the key has been read. */
export function ruleAt({ key, problem }: ReadKey, value: string): Rule {
  if (problem !== null || !isCovering(key)) {
    return { readable: false, key, value, problem: problem ?? "the key covers nothing", ...notHeld };
  }
  const { text, read } =
    key.scope === "prox" ? { text: value, read: pushTerms(key.id, value) } : knownValue(value, key.scope);
  if ("problem" in read) return { readable: false, key, value: text, problem: read.problem, ...notHeld };
  return { readable: true, key, value: text, terms: read.terms, endsAtMs: null, round: 0 };
}

/** No op meets them; a require would decide nothing if one did. */
function pushTerms(id: string, value: string): ReadValue {
  const read = readPush(id, value);
  return "problem" in read ? read : { terms: { ...plainTerms, effect: "require", ...read } };
}

function isCovering(key: RuleKey): key is RuleKey & { readonly scope: Scope } {
  return key.scope !== null;
}
