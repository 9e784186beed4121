/** What is worth a warning when rules go: users left without a group, and a policy file left without a rule. */
import { parseRule } from "../../policy/rule.ts";
import { readKey, shownKey } from "../../policy/rule-key.ts";
import { isBan, isPush, type PolicyStore, type StoredRule } from "../../policy/store.ts";
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
  if (store.kind === "file" && left.every(({ key }) => isBan(key) || isPush(key))) {
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

interface Lister {
  readonly key: string;
  /** Whether it lists others, too. */
  readonly others: boolean;
}

/** By group: the rules that list it. */
function listersOf(groups: readonly string[], left: readonly StoredRule[]): Map<string, Lister[]> {
  const listers = new Map(groups.map((group) => [group, [] as Lister[]]));
  if (listers.size === 0) return listers;
  for (const { key } of left) if (key.startsWith("group:")) listers.delete(key.slice("group:".length));
  for (const { key, value } of left) {
    const rule = parseRule(key, value);
    const listed = new Set(rule.readable ? rule.terms.groups : []);
    for (const group of listed) listers.get(group)?.push({ key, others: listed.size > 1 });
  }
  return listers;
}

function listedText(group: string, users: readonly Lister[]): string {
  const keys = users.map(({ key }) => shownKey(key)).sort();
  const more = keys.length > mostNamed ? ` and ${countOf(keys.length - mostNamed, "other")}` : "";
  const [list, are] = keys.length === 1 ? ["lists", "is"] : ["list", "are"];
  const unless = users.some(({ others }) => others) ? " unless another group holds" : "";
  const named = keys.slice(0, mostNamed).join(", ");
  return `warning: ${named}${more} ${list} group:${group}, and ${are} refused without it${unless}`;
}
