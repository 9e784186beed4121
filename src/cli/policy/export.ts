/** `sluice policy export`: all lasting rules as one file that import and the policy file take. */
import { open } from "node:fs/promises";
import { SluiceError, textOf } from "../../errors.ts";
import { policyTextOf } from "../../policy/policy-text-edit.ts";
import { parseRule } from "../../policy/rule.ts";
import { shownKey } from "../../policy/rule-key.ts";
import { isBan, isExact, type StoredRule } from "../../policy/store.ts";
import { countOf, notice } from "./printing.ts";
import { type PolicyOptions, withStore } from "./with-store.ts";

/** How many keys are named of each kind that is left out. */
const mostNamed = 10;

export function exportRules(file: string | undefined, options: PolicyOptions): Promise<void> {
  return withStore(options, async (store) => {
    const rules: [string, string][] = [];
    const left = {
      temporary: [] as string[],
      bans: [] as string[],
      inexact: [] as string[],
      unreadable: [] as string[],
    };
    for await (const rule of store.all()) {
      const why = leftOut(rule);
      if (why !== null) left[why].push(shownKey(rule.key));
      else {
        rules.push([rule.key, rule.value]);
        if (!parseRule(rule.key, rule.value).readable) left.unreadable.push(shownKey(rule.key));
      }
    }
    const text = policyTextOf(rules);
    if (file === undefined || file === "-") process.stdout.write(text);
    else {
      await write(file, text);
      notice(`${countOf(rules.length, "rule")} of ${store.description} in ${file}`);
    }
    tell("left out, since they end by their TTL", left.temporary);
    tell("left out, since they are bans", left.bans);
    tell("left out, since they are not text", left.inexact);
    tell("cannot be read, which import will not take", left.unreadable);
  });
}

function leftOut(rule: StoredRule): "temporary" | "bans" | "inexact" | null {
  if (isBan(rule.key)) return "bans";
  if (!isExact(rule)) return "inexact";
  return rule.leftMs === null ? null : "temporary";
}

function tell(why: string, keys: readonly string[]): void {
  if (keys.length === 0) return;
  const more =
    keys.length > mostNamed ? `, and ${(keys.length - mostNamed).toLocaleString("en-US")} more` : "";
  notice(`${countOf(keys.length, "rule")} ${why}: ${keys.toSorted().slice(0, mostNamed).join(", ")}${more}`);
}

/** Only its owner can read it. */
async function write(path: string, text: string): Promise<void> {
  try {
    const file = await open(path, "w", 0o600);
    try {
      await file.chmod(0o600);
      await file.writeFile(text);
    } finally {
      await file.close();
    }
  } catch (thrown) {
    throw new SluiceError("policy_unwritable", `${path} cannot be written: ${textOf(thrown)}`, {
      cause: thrown,
    });
  }
}
