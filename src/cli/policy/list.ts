/** `sluice policy list` and `get`: what rules there are. */

import { spanText } from "../../policy/check/finding.ts";
import { matchesGlob, parseGlob } from "../../policy/conditions/glob.ts";
import { objectIn } from "../../policy/policy-text-edit.ts";
import { parseRule } from "../../policy/rule.ts";
import { shownKey } from "../../policy/rule-key.ts";
import type { StoredRule } from "../../policy/store.ts";
import { ruleKeyOf } from "../../wiring/policy-store.ts";
import { printable, printableJson } from "../screen-text.ts";
import { countOf, keyText, notice, print, printJson } from "./printing.ts";
import { ruleFields, ruleTable } from "./rule-row.ts";
import { type PolicyOptions, withStore } from "./with-store.ts";

export interface ListOptions extends PolicyOptions {
  readonly json?: boolean;
}

export function list(written: string | undefined, options: ListOptions): Promise<void> {
  return withStore(options, async (store, settings) => {
    const pattern = written && ruleKeyOf(settings, written);
    const glob = parseGlob(pattern ?? "*");
    const rules: StoredRule[] = [];
    let all = 0;
    let unreadable = 0;
    for await (const rule of store.all()) {
      all += 1;
      if (pattern !== undefined && !matchesGlob(glob, rule.key)) continue;
      rules.push(rule);
      if (!parseRule(rule.key, rule.value).readable) unreadable += 1;
    }
    rules.sort((a, b) => (a.key < b.key ? -1 : 1));
    if (rules.length === 0 && all > 0)
      notice(`no key fits '${pattern}'; ${countOf(all, "rule")} in all${patternHint(pattern ?? "")}`);
    if (options.json) return printJson(rules.map(ruleFields));
    if (rules.length === 0 && all > 0) return;
    print(ruleTable(rules, Date.now(), process.stdout.isTTY ? process.stdout.columns : null));
    const problems =
      unreadable === 0
        ? ""
        : `, ${unreadable.toLocaleString("en-US")} unreadable: see \`sluice policy check\``;
    print([printable(`${countOf(rules.length, "rule")} in ${store.description}${problems}`)]);
  });
}

function patternHint(pattern: string): string {
  return pattern.includes("*") ? "" : "; a pattern is such as 'user:*'";
}

/** Prints the value as it stands there, since whoever may read it can read it with redis-cli as well. */
export function get(written: string, options: PolicyOptions): Promise<void> {
  return withStore(options, async (store, settings) => {
    const key = ruleKeyOf(settings, written);
    const rule = await store.get(key);
    if (rule === null) {
      notice(`there is no ${shownKey(key)} in ${store.description}`);
      process.exitCode = 1;
      return;
    }
    const object = objectIn(rule.value);
    const shown = object === null ? rule.value : JSON.stringify(object, null, 2);
    // Line by line: the line feeds between fields are ours, others stand as escapes.
    print(object === null ? [printable(shown)] : shown.split("\n").map(printableJson));
    const read = parseRule(key, rule.value);
    const ends = rule.leftMs === null ? "" : `, ends in ${spanText(rule.leftMs)} by its TTL`;
    notice(
      `${keyText(key)} ${read.readable ? `is read as ${read.terms.effect}` : `cannot be read: ${read.problem}`}${ends}`,
    );
  });
}
