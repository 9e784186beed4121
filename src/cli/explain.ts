/** `sluice explain`: why an op is allowed or refused, by the bridge that runs or by a policy file. */
import { readFile } from "node:fs/promises";
import { type Explained, explainAsked } from "../admin/explain.ts";
import { loadSettings } from "../config/load.ts";
import type { Settings } from "../config/settings.ts";
import { SluiceError, textOf } from "../errors.ts";
import { leftOutText } from "../events/volume.ts";
import type { ConnectionCounts } from "../policy/facts.ts";
import { readPolicyText } from "../policy/policy-text.ts";
import { RuleSet } from "../policy/rule-set.ts";
import { askAdmin } from "./admin-client.ts";
import { type QuestionOptions, questionOf } from "./explain-question.ts";
import { explanationLines } from "./explain-text.ts";
import { printableJson } from "./screen-text.ts";

export interface ExplainOptions extends QuestionOptions {
  readonly config?: string;
  readonly policy?: string;
  readonly json?: boolean;
}

/** @throws SluiceError config_invalid, admin_unavailable, policy_unreadable, data_dir_unusable */
export async function explain(options: ExplainOptions): Promise<void> {
  const { settings } = loadSettings(options.config ?? null, process.env);
  if (options.refused && options.last === undefined) {
    throw new SluiceError("config_invalid", "--refused goes with --last <user>");
  }
  const leftOut = leftOutText(settings.events.publish);
  if (options.last !== undefined && leftOut !== null)
    process.stderr.write(
      `sluice: looked for among what is published: events.publish leaves out ${leftOut}\n`,
    );
  const question = await questionOf(options, settings);
  if (question === null) {
    const what = `${options.refused ? "refused " : ""}${options.op ?? "op"}`;
    process.stderr.write(
      `sluice: no ${what} of this user in ${settings.data.dir}/journal; is data.dir right?\n`,
    );
    process.exitCode = 1;
    return;
  }
  const explained =
    options.policy === undefined
      ? ((await askAdmin(settings.admin, { path: "/v1/explain", body: question })) as Explained)
      : await explainByFile(options.policy, question, settings);
  if (options.json) {
    const json = JSON.stringify(explained);
    process.stdout.write(`${process.stdout.isTTY ? printableJson(json) : json}\n`);
    return;
  }
  process.stdout.write(`${explanationLines(explained).join("\n")}\n`);
}

async function explainByFile(file: string, question: object, settings: Settings): Promise<Explained> {
  const { node, nodes, policy } = settings;
  const connections: ConnectionCounts = {
    open: () => 0,
    begun: () => 0,
    logins: () => 0,
    endsAnnounced: (at, type) => nodes[at]?.closeUserConn?.some((told) => told === type) ?? false,
  };
  const explained = explainAsked(JSON.stringify(question), {
    policy: { rules: await rulesIn(file), settings: policy, available: true, refuseAsStale: false },
    connections,
    proxies: { others: () => 0 },
    pseudonyms: null,
    node,
    nodes,
    nowMs: Date.now(),
  });
  if ("problem" in explained) throw new SluiceError("config_invalid", explained.problem);
  const note = `every count is 0, since no bridge was asked, only the rules of ${file}`;
  return { ...explained, notes: [...explained.notes, note] };
}

async function rulesIn(file: string): Promise<RuleSet> {
  try {
    return new RuleSet(readPolicyText(await readFile(file, "utf8")).rules);
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code;
    const problem = code === undefined ? textOf(thrown) : `cannot be read (${code})`;
    throw new SluiceError("policy_unreadable", `the policy file ${file} ${problem}`, { cause: thrown });
  }
}
