/** `sluice policy import` and `diff`: a file beside the rules that are kept. */
import { readFile } from "node:fs/promises";
import { SluiceError, textOf } from "../../errors.ts";
import { type Difference, differencesOf, inWritingOrder } from "../../policy/import-plan.ts";
import { readPolicyText } from "../../policy/policy-text.ts";
import { parseRule } from "../../policy/rule.ts";
import type { Stamp } from "../../policy/stamp.ts";
import { isBan, mostAtOnce, type StoredRule } from "../../policy/store.ts";
import { countOf, keyText, notice, print, valueText } from "./printing.ts";
import { type StampOptions, stampOf } from "./stamp-options.ts";
import { fromStdin } from "./stdin.ts";
import { warnOfWhatGoes } from "./what-goes.ts";
import { type PolicyOptions, storedIn, withStore } from "./with-store.ts";

export interface ImportOptions extends PolicyOptions, StampOptions {
  readonly dryRun?: boolean;
  /** Removes what the file does not have. */
  readonly prune?: boolean;
}

export interface DiffOptions extends PolicyOptions {
  readonly plain?: boolean;
}

/** @throws SluiceError policy_invalid, with every problem of the file; nothing is written then */
export async function importRules(file: string, options: ImportOptions): Promise<void> {
  const wanted = await rulesIn(file);
  await withStore(options, async (store) => {
    const stored = await storedIn(store);
    const all = differencesOf(wanted, stored, options.plain ? null : stampOf(options));
    const differences = options.prune ? all : all.filter(({ after }) => after !== null);
    refuseUnreadable(file, differences);
    print(differences.map(differenceText));
    const sum = sumOf(differences);
    const stay = all.length - differences.length;
    if (stay > 0)
      notice(
        `${countOf(stay, "rule")} that the file does not have ${stay === 1 ? "stays" : "stay"}: --prune removes them`,
      );
    if (options.dryRun) print([`${sum}: nothing was written (--dry-run)`]);
    else {
      await store.apply(inWritingOrder(differences), (made) => {
        if (differences.length > mostAtOnce)
          notice(`${made.toLocaleString("en-US")} of ${countOf(differences.length, "rule")} written`);
      });
      print([sum]);
    }
    const gone = differences.flatMap(({ key, after }) => (after === null ? [key] : []));
    warnOfWhatGoes(store, gone, rulesAfter(stored, differences));
  });
}

/** Exit code 1 where there is a difference, as diff has it. */
export async function diff(file: string, { plain, ...options }: DiffOptions): Promise<void> {
  const wanted = await rulesIn(file);
  await withStore(options, async (store) => {
    const differences = differencesOf(wanted, await storedIn(store), plain ? null : noStamp);
    print(differences.map(differenceText));
    if (differences.length > 0) process.exitCode = 1;
  });
}

const noStamp: Stamp = { by: null, replacesBy: false, note: null };

function rulesAfter(stored: readonly StoredRule[], differences: readonly Difference[]): StoredRule[] {
  const rules = new Map(stored.map((rule) => [rule.key, rule]));
  for (const { key, after } of differences) {
    if (after === null) rules.delete(key);
    else rules.set(key, { key, value: after, leftMs: null });
  }
  return [...rules.values()];
}

/** All rules of a file, each of which can be read. */
async function rulesIn(file: string): Promise<ReadonlyMap<string, string>> {
  let text: string;
  try {
    text = file === "-" ? await fromStdin() : await readFile(file, "utf8");
  } catch (thrown) {
    throw new SluiceError("policy_invalid", `${file} cannot be read: ${textOf(thrown)}`, { cause: thrown });
  }
  const read = (() => {
    try {
      return readPolicyText(text);
    } catch (thrown) {
      throw new SluiceError("policy_invalid", `${file} ${textOf(thrown)}`, { cause: thrown });
    }
  })();
  const problems = [
    ...read.repeated.map((key) => `${keyText(key)}: stands there more than once`),
    ...[...read.rules].flatMap(([key, value]) => {
      if (isBan(key)) return [`${keyText(key)}: bans are kept in no file`];
      const rule = parseRule(key, value);
      return rule.readable ? [] : [`${keyText(key)}: ${rule.problem}`];
    }),
  ];
  refuse(file, problems);
  return read.rules;
}

/** A stamp may have made a value too long. */
function refuseUnreadable(file: string, differences: readonly Difference[]): void {
  const problems = differences.flatMap(({ key, after }) => {
    const rule = after === null ? null : parseRule(key, after);
    return rule === null || rule.readable ? [] : [`${keyText(key)}: with its stamp ${rule.problem}`];
  });
  refuse(file, problems);
}

function refuse(file: string, problems: readonly string[]): void {
  if (problems.length === 0) return;
  const lines = problems.map((problem) => `\n  - ${problem}`).join("");
  throw new SluiceError(
    "policy_invalid",
    `${countOf(problems.length, "problem")} in ${file}; nothing was written:${lines}`,
  );
}

/** One line: `+ user:alice allow`. */
function differenceText({ key, before, after }: Difference): string {
  const name = keyText(key);
  if (before === null) return `+ ${name} ${valueText(key, after ?? "")}`;
  if (after === null) return `- ${name} ${valueText(key, before.value)}`;
  const [was, is] = [valueText(key, before.value), valueText(key, after)];
  const ttl = before.leftMs === null ? "" : " (with a TTL)";
  const hidden = was === is && ttl === "" ? " (in what is not shown)" : "";
  return `~ ${name} ${was}${ttl} → ${is}${hidden}`;
}

function sumOf(differences: readonly Difference[]): string {
  if (differences.length === 0) return "nothing to change";
  const added = differences.filter(({ before }) => before === null).length;
  const removed = differences.filter(({ after }) => after === null).length;
  const counts = { added, changed: differences.length - added - removed, removed };
  return Object.entries(counts)
    .flatMap(([what, count]) => (count === 0 ? [] : [`${count.toLocaleString("en-US")} ${what}`]))
    .join(", ");
}
