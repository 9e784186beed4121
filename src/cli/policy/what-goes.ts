/** What is worth a warning when rules go: users left without a group, and a policy file left without a rule. */
import { parseRule } from "../../policy/rule.ts";
import { readKey, shownKey } from "../../policy/rule-key.ts";
import { isBan, type PolicyStore, type StoredRule } from "../../policy/store.ts";
import { countOf, notice } from "./printing.ts";

/** How many users are named of each group. */
const mostNamed = 5;

/**
 * @param gone keys that go
 * @param left the rules that stay
 */
export function warnOfWhatGoes(
  store: Pick<PolicyStore, "kind">,
  gone: readonly string[],
  left: readonly StoredRule[],
): void {
  if (gone.length === 0) return;
  const listers = listersOf(groupsOf(gone), left);
  for (const [group, users] of listers) if (users.length > 0) notice(listedText(group, users));
  // Keys that go from Redis one by one are taken to be meant.
  if (store.kind === "file" && left.every(({ key }) => isBan(key))) {
    notice(
      "warning: no rule is left: a running bridge keeps the ones it had until there is a `default` rule or `sluice policy accept-empty`",
    );
  }
}

/** Their names. */
export function groupsOf(keys: readonly string[]): string[] {
  return keys.flatMap((text) => {
    const { key } = readKey(text);
    return key.scope === "group" ? [key.id] : [];
  });
}

/** By group: the keys of the rules that list it. */
function listersOf(groups: readonly string[], left: readonly StoredRule[]): Map<string, string[]> {
  const listers = new Map(groups.map((group) => [group, [] as string[]]));
  if (listers.size === 0) return listers;
  for (const { key } of left) if (key.startsWith("group:")) listers.delete(key.slice("group:".length));
  for (const { key, value } of left) {
    const rule = parseRule(key, value);
    if (rule.readable) for (const group of new Set(rule.terms.groups)) listers.get(group)?.push(key);
  }
  return listers;
}

function listedText(group: string, users: readonly string[]): string {
  const named = users.toSorted().slice(0, mostNamed).map(shownKey).join(", ");
  const [more, list] =
    users.length > mostNamed
      ? [` and ${countOf(users.length - mostNamed, "other")}`, "list"]
      : ["", users.length === 1 ? "lists" : "list"];
  const are = users.length === 1 ? "is" : "are";
  return `warning: ${named}${more} ${list} group:${group}, and ${are} refused without it unless another group holds`;
}
