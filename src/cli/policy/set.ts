/** `sluice policy set` and `rm`: one rule written, some taken away. */
import { SluiceError } from "../../errors.ts";
import { spanText } from "../../policy/check/finding.ts";
import { checkPolicy } from "../../policy/check.ts";
import { parseRule, type ReadableRule } from "../../policy/rule.ts";
import { shownKey } from "../../policy/rule-key.ts";
import { stamped } from "../../policy/stamp.ts";
import { isPush, isTargets, type PolicyStore, type StoredRule } from "../../policy/store.ts";
import { ruleKeyOf } from "../../wiring/policy-store.ts";
import { keyText, notice, print, valueText } from "./printing.ts";
import { type StampOptions, stampOf } from "./stamp-options.ts";
import { fromStdin } from "./stdin.ts";
import { groupsOf, warnOfWhatGoes } from "./what-goes.ts";
import { type PolicyOptions, storedIn, withStore } from "./with-store.ts";

export interface SetOptions extends PolicyOptions, StampOptions {
  /** Milliseconds. */
  readonly ttl?: number;
  /** The TTL that the rule has stays. */
  readonly keepTtl?: boolean;
  /** Only where there is no such key. */
  readonly new?: boolean;
}

/** @throws SluiceError policy_invalid for a rule that cannot be read; nothing is written then */
export function set(keyGiven: string, given: string, options: SetOptions): Promise<void> {
  return withStore(options, async (store, settings) => {
    const key = ruleKeyOf(settings, keyGiven);
    const written = given === "-" ? (await fromStdin()).replace(/\r?\n$/, "") : given;
    readableRule(key, written);
    const value = options.plain ? written : stamped(written, stampOf(options));
    const rule = readableRule(key, value);
    const before = await store.get(key);
    const { ttl: ttlMs = null, keepTtl = false } = options;
    if (!(await store.set(key, value, { ttlMs, keepTtl, ifAbsent: options.new === true }))) {
      notice(`${shownKey(key)} is there already, and stays as it is (--new)`);
      process.exitCode = 1;
      return;
    }
    // Asked again, since a TTL that was to be kept may have ended meanwhile.
    const leftMs = keepTtl ? ((await store.get(key))?.leftMs ?? null) : ttlMs;
    print([
      `${keyText(key)} was ${before === null ? "not there" : ruleText(before)}`,
      `${keyText(key)} is  ${ruleText({ key, value, leftMs })}`,
    ]);
    if (before !== null && before.leftMs !== null && leftMs === null) {
      const hint = keepTtl ? "" : " (--keep-ttl keeps one)";
      notice(`warning: ${shownKey(key)}: its TTL is gone: the rule stays until it is removed${hint}`);
    }
    const rules = [{ key, value, leftMs }, ...(await relatedTo(rule, store))];
    const findings = checkPolicy({ rules, settings: settings.policy, seen: null, nowMs: Date.now() });
    for (const finding of findings) {
      if (finding.key !== key || finding.code === "unused_group") continue;
      notice(
        `${finding.severity === "info" ? "note" : finding.severity}: ${shownKey(key)} ${finding.what}; ${finding.remedy}`,
      );
    }
  });
}

export function remove(given: readonly string[], options: PolicyOptions): Promise<void> {
  return withStore(options, async (store, settings) => {
    const removed: string[] = [];
    for (const key of given.map((written) => ruleKeyOf(settings, written))) {
      const before = await store.get(key);
      const was = await store.remove(key);
      if (was) removed.push(key);
      print([
        `${keyText(key)} ${was ? `removed, was ${before ? ruleText(before) : "there"}` : "was not there"}`,
      ]);
    }
    if (removed.length === 0) {
      process.exitCode = 1;
      return;
    }
    if (!removed.every(isPush)) print(["What is asked next is decided without; what is open stays open."]);
    if (removed.some(isTargets))
      print(["prox keeps the targets that it was told last until its config is reloaded."]);
    // A whole policy in Redis may be too large to be read for nothing.
    if (store.kind === "file" || groupsOf(removed).length > 0)
      warnOfWhatGoes(store, removed, await storedIn(store));
  });
}

function readableRule(key: string, value: string): ReadableRule {
  const rule = parseRule(key, value);
  if (rule.readable) return rule;
  throw new SluiceError("policy_invalid", `${keyText(key)}: ${rule.problem}; nothing was written`);
}

function ruleText({ key, value, leftMs }: StoredRule): string {
  return `${valueText(key, value)}${leftMs === null ? "" : `, ends in ${spanText(leftMs)}`}`;
}

/** The rules that decide whether this one matters: a whole policy may be too large to be read for one write. */
async function relatedTo({ key, terms }: ReadableRule, store: PolicyStore): Promise<StoredRule[]> {
  const keys = new Set(["default", ...[...(terms.ops ?? [])].map((op) => `op:${op}`)]);
  for (const group of terms.groups) keys.add(`group:${group}`);
  if (key.scope === "proxy") {
    for (let dot = key.id.indexOf("."); dot > 0; dot = key.id.indexOf(".", dot + 1))
      keys.add(`user:${key.id.slice(0, dot)}`);
  }
  keys.delete(key.text);
  const found = await Promise.all([...keys].map((related) => store.get(related)));
  return found.filter((rule) => rule !== null);
}
