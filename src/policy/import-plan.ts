/** What an import changes: the rules of a file beside the ones that are kept. */
import { isDeepStrictEqual } from "node:util";
import { parseNetwork } from "./addresses.ts";
import { wildcardBase } from "./domains.ts";
import { objectIn } from "./policy-text-edit.ts";
import { parseRule } from "./rule.ts";
import { readKey } from "./rule-key.ts";
import { fieldsOf, type Stamp, stamped } from "./stamp.ts";
import { isBan, type StoreChange, type StoredRule } from "./store.ts";

export interface Difference {
  readonly key: string;
  /** Null for a key that is not there yet. */
  readonly before: StoredRule | null;
  /** Null for a key that the file does not have. */
  readonly after: string | null;
}

/**
 * One for each key that differs, in the order of the keys. How JSON is spaced is no difference. Bans, and rules that
 * end by their TTL, can't stand in a file: that they don't is none either.
 *
 * @param stamp put into what is written; a `by` or `note` that only the kept rule has is then no difference. Null:
 *   the values as they are
 */
export function differencesOf(
  wanted: ReadonlyMap<string, string>,
  stored: Iterable<StoredRule>,
  stamp: Stamp | null,
): Difference[] {
  const differences: Difference[] = [];
  const missing = new Set(wanted.keys());
  for (const before of stored) {
    const { key, leftMs } = before;
    missing.delete(key);
    const value = wanted.get(key);
    if (value === undefined) {
      if (!isBan(key) && leftMs === null) differences.push({ key, before, after: null });
    } else if (leftMs !== null || !(stamp ? sameRule : sameText)(value, before.value, stamp)) {
      differences.push({ key, before, after: stamp ? stamped(value, stamp) : value });
    }
  }
  for (const key of missing) {
    const value = wanted.get(key)!;
    differences.push({ key, before: null, after: stamp ? stamped(value, stamp) : value });
  }
  return differences.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

/**
 * The changes in an order in which no allow or deny refuses anybody, or lets anybody in, only because half of them are
 * made (conditions that move from one rule to another can't be ordered so): denials first, since what they cover is to be refused anyhow; then groups before the users that list them, and grants; then
 * the default; then what only demands where something else has stood; and last what goes, denials behind grants. Of networks and domains
 * the more exact outranks the wider, so it is written before it and removed after it.
 */
export function inWritingOrder(differences: readonly Difference[]): StoreChange[] {
  return differences
    .map((difference) => ({ difference, rank: rankOf(difference), exactness: exactnessOf(difference.key) }))
    .sort(
      (a, b) => a.rank - b.rank || (a.rank < removal ? b.exactness - a.exactness : a.exactness - b.exactness),
    )
    .map(({ difference: { key, after } }) => ({ key, value: after }));
}

const removal = 5;

function rankOf({ key, before, after }: Difference): number {
  const isGroup = key.startsWith("group:");
  if (key === "default") return 3;
  const denies = exactnessOf(key) === 0 && effectOf(key, after ?? before!.value) === "deny";
  if (after === null) return removal + (isGroup ? 2 : denies ? 1 : 0);
  if (denies) return 0;
  if (isGroup) return 1;
  return before !== null && effectOf(key, after) === "require" ? 4 : 2;
}

/** What cannot be read refuses. */
function effectOf(key: string, value: string): string {
  const rule = parseRule(key, value);
  return rule.readable ? rule.terms.effect : "deny";
}

/** Greater for the more exact of two networks, or of two domains; 0 for keys of other scopes. */
function exactnessOf(text: string): number {
  const { scope, id } = readKey(text).key;
  if (scope === "ip") return 1 + parseNetwork(id)!.length;
  if (scope === "domain") return 2 * id.split(".").length + (wildcardBase(id) === null ? 1 : 0);
  return 0;
}

function sameText(a: string, b: string): boolean {
  const [one, other] = [objectIn(a), objectIn(b)];
  return one && other ? JSON.stringify(one) === JSON.stringify(other) : a === b;
}

function sameRule(wanted: string, kept: string, stamp: Stamp | null): boolean {
  const [asked, there] = [fieldsOf(wanted), fieldsOf(kept)];
  if (!asked || !there) return wanted === kept;
  const { by = there.by, note = there.note } = asked;
  const withStamps = { ...asked, ...(by !== undefined && { by }), ...(note !== undefined && { note }) };
  return (
    isDeepStrictEqual(withStamps, there) ||
    (stamp !== null && isDeepStrictEqual(fieldsOf(stamped(wanted, stamp)), there))
  );
}
