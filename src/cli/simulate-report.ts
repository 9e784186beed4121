/** What a simulation says: a table for people, or one JSON object. */
import type { PolicyView } from "../policy/policy.ts";
import type { Group, SimulationReport } from "../simulate/simulation.ts";
import { aligned } from "./aligned.ts";
import { grouped } from "./progress-bar.ts";
import { printable } from "./screen-text.ts";

export interface Simulated {
  readonly policy: PolicyView;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly report: SimulationReport;
}

export function simulateText({ policy, fromMs, untilMs, report }: Simulated): string[] {
  const { operations, first, last, groups } = report;
  const { mode, default: fallback } = policy.settings;
  const by = `${counted(policy.rules.size, "rule")} (revision ${policy.rules.revision})`;
  const head =
    operations === 0
      ? `no operations from ${isoTime(fromMs)} to ${isoTime(untilMs)}`
      : `${counted(operations, "operation")} from ${first ?? isoTime(fromMs)} to ${last ?? isoTime(untilMs)}`;
  const table = groups.length === 0 ? [] : aligned(rowsOf(groups), columns.length);
  return [
    `${head}, by ${by}`,
    `policy.mode ${mode}, policy.default ${fallback}`,
    ...table,
    ...countsOf(report),
  ];
}

export function simulateJson({ policy, fromMs, untilMs, report }: Simulated): object {
  const { rules, settings } = policy;
  return {
    since: isoTime(fromMs),
    until: isoTime(untilMs),
    policy: { rules: rules.size, revision: rules.revision, mode: settings.mode, default: settings.default },
    ...report,
  };
}

const columns = ["CHANGE", "RULE", "USER", "OP", "TIMES", "LAST", "WHY"] as const;

function rowsOf(groups: readonly Group[]): string[][] {
  const times = groups.map((group) => grouped(group.times));
  const width = Math.max("TIMES".length, ...times.map((text) => text.length));
  const rows = groups.map((group, at) => [
    changeText(group),
    ruleText(group),
    group.user === null ? "-" : group.user || '""',
    group.op,
    times[at]!.padStart(width),
    group.last,
    group.why,
  ]);
  const head = columns.map((name) => (name === "TIMES" ? name.padStart(width) : name));
  return [head, ...rows.map((row) => row.map(printable))];
}

function ruleText({ rule, code }: Group): string {
  return rule ?? (code === "own_names" ? "(ownNames)" : code === null ? "-" : "(default)");
}

function changeText({ change, from, to }: Group): string {
  if (change === "undecidable") return `${from} → undecidable`;
  return change === "rewrite" ? `${from}, rewritten` : `${from} → ${to}`;
}

function countsOf(report: SimulationReport): string[] {
  const { asBefore, changed, undecidable, notThePolicys } = report;
  const counts = [
    `${grouped(asBefore)} as before`,
    `${grouped(changed)} would change`,
    `${grouped(undecidable)} undecidable`,
    `${grouped(notThePolicys)} not the policy's`,
  ];
  const others: readonly [number, string][] = [
    [report.ungrouped, "of the changed or undecidable ones are beyond what is listed"],
    [report.corrections, "corrections left out: what the policy said stands in the events that they correct"],
    [report.repeated, "records that came again counted once"],
    [
      report.pseudonymous,
      "operations hold pseudonyms: what rules of users, proxies or addresses say of them is undecidable",
    ],
    [report.unreadable, "events that this release cannot read left out"],
  ];
  const unpublished = Object.entries(report.unpublished).map(([type, count]) => `${grouped(count)} ${type}`);
  return [
    counts.join(", "),
    ...(unpublished.length === 0
      ? []
      : [
          `not judged, since events.publish left them out (so far as bridges tell of it): ${unpublished.join(", ")}`,
        ]),
    ...others.flatMap(([count, text]) => (count === 0 ? [] : [`${grouped(count)} ${text}`])),
  ];
}

/** `1 rule`, `1,200 rules`. */
export function counted(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? "" : "s"}`;
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
