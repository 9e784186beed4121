/** What an import changes: the rules of a file beside the ones that are kept. */
import { isDeepStrictEqual } from "node:util";
import { objectIn } from "./policy-text-edit.ts";
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
 * The changes in an order in which nobody is refused, and nobody let in, only because half of them are made: groups
 * stand before the users that list them, grants and denials before the default, and what goes, goes last.
 */
export function inWritingOrder(differences: readonly Difference[]): StoreChange[] {
  return differences
    .map((difference) => ({ change: changeOf(difference), rank: rankOf(difference) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ change }) => change);
}

function changeOf({ key, after }: Difference): StoreChange {
  return { key, value: after };
}

function rankOf({ key, before, after }: Difference): number {
  const isGroup = key.startsWith("group:");
  if (key === "default") return 3;
  if (after === null) return isGroup ? 6 : 5;
  const effect = fieldsOf(after)?.effect;
  if (effect === "deny") return 2;
  if (isGroup) return 0;
  // What has granted until now, and shall only demand, may be all that someone has before the default allows.
  const granted = before !== null && fieldsOf(before.value)?.effect === "allow";
  if (effect === "require") return granted ? 4 : 2;
  return 1;
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
