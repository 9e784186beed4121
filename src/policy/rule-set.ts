import type { Rule } from "./rule.ts";

/** All rules in force, found by what an op names. */
export interface RuleSet {
  /** Names this state: 16 hex digits, the same for the same keys and values whatever the order of writing. */
  readonly revision: string;
  readonly size: number;
  get(key: string): Rule | undefined;
}
