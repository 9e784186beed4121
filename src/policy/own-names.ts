/**
 * Proxy names belong to users: `alice.ssh` to alice. frpc puts the prefix there and frps does not check it,
 * so a hand-made client may claim any name.
 */
import type { Op } from "../op.ts";
import type { RuleSet } from "./rule-set.ts";

/**
 * What is wrong with an op's proxy name, in words for a log; null when it may be used.
 *
 * Asked at every op that names a proxy and can be refused, not only at NewProxy: what got its name before
 * this was asked gets no more connections. An anonymous client may use any name but one that begins like
 * those of a user who has a rule, whatever that rule says.
 */
export function nameProblem(op: Op, rules: RuleSet): string | null {
  if (op.proxy === null || op.user === null) return null;
  const { name } = op.proxy;
  if (op.user !== "") return hasPrefix(name, op.user) ? null : "the name lacks the prefix of its user";
  const owner = rules.userBefore(name);
  return owner === null ? null : "the name of an anonymous client has the prefix of a user";
}

/** User names may hold dots, so the prefix is compared whole: cutting the name at a dot would be wrong. */
function hasPrefix(name: string, user: string): boolean {
  return name.startsWith(user) && name[user.length] === ".";
}
