/** The policy that `sluice simulate` asks. */
import { readFile } from "node:fs/promises";
import type { Settings } from "../config/settings.ts";
import { SluiceError, textOf } from "../errors.ts";
import type { PolicyView } from "../policy/policy.ts";
import { readPolicyText } from "../policy/policy-text.ts";
import { shownKey } from "../policy/rule-key.ts";
import { RuleSet } from "../policy/rule-set.ts";
import { rulesNow } from "../wiring/rules-now.ts";
import { counted } from "./simulate-report.ts";

export interface CandidateOptions {
  /** A policy file; without one the rules are those of the policy's source as it is now. */
  readonly policy?: string;
  readonly mode?: "enforce" | "observe";
  readonly default?: "allow" | "deny";
}

/**
 * What cannot be read refuses what it covers, in the policy that is in force as in the bridge. A candidate that holds
 * such a rule is a mistake.
 *
 * @throws SluiceError config_invalid for a candidate that cannot be read; policy_unreadable, redis_…
 */
export async function candidateOf(
  options: CandidateOptions,
  settings: Settings,
  say: (notice: string) => void,
): Promise<PolicyView> {
  const { mode, default: fallback } = options;
  const rules =
    options.policy === undefined
      ? new RuleSet(await rulesNow(settings))
      : await rulesOfFile(options.policy, say);
  if (options.policy === undefined && rules.unreadable.size > 0) {
    say(`${counted(rules.unreadable.size, "rule")} cannot be read: what is covered so is refused`);
  }
  return {
    rules,
    settings: { ...settings.policy, ...(mode && { mode }), ...(fallback && { default: fallback }) },
    available: true,
    refuseAsStale: false,
  };
}

async function rulesOfFile(path: string, say: (notice: string) => void): Promise<RuleSet> {
  const { rules, repeated } = await readFile(path, "utf8")
    .then(readPolicyText)
    .catch((thrown) => {
      const { code } = thrown as NodeJS.ErrnoException;
      const problem = code === undefined ? textOf(thrown) : `cannot be read (${code})`;
      throw new SluiceError("config_invalid", `--policy ${path}: ${problem}`, { cause: thrown });
    });
  for (const key of repeated) say(`${shownKey(key)} stands twice in ${path}: the last one counts`);
  const set = new RuleSet(rules);
  if (set.unreadable.size === 0) return set;
  const problems = [...set.unreadable].map(({ key, problem }) => `\n  - ${shownKey(key.text)}: ${problem}`);
  throw new SluiceError(
    "config_invalid",
    `${counted(problems.length, "rule")} of ${path} cannot be read:${problems.join("")}`,
  );
}
