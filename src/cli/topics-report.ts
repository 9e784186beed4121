/** A plan for Kafka's topics as people and as programs read it. */
import { isNeeded, type TopicPlan } from "../kafka/topic-plan.ts";
import type { TopicPlans, Unplanned } from "../kafka/topic-plans.ts";
import { aligned } from "./aligned.ts";
import { printable } from "./screen-text.ts";

const header = ["TOPIC", "PLAN", "PARTITIONS", "REPLICATION", "RETENTION", "MIN.INSYNC", "CLEANUP"];

export function planText({ plans, unplanned }: TopicPlans): string {
  const rows = aligned(
    [
      header,
      ...plans.map(rowOf),
      ...unplanned.map(({ name }) => [printable(name), "unknown", "", "", "", "", ""]),
    ],
    header.length,
  );
  const notes = [...plans.flatMap(notesOf), ...unplanned.map(problemText)];
  return `${[...rows, ...notes.map(printable), printable(sumOf(plans, unplanned))].join("\n")}\n`;
}

/** `sluice.logins: created`, or what was changed in it. */
export function doneText(plan: TopicPlan): string {
  return printable(
    `${plan.name}: ${plan.found === null ? "created" : `changed: ${changesOf(plan).join(", ")}`}`,
  );
}

export function problemText({ name, problem }: Unplanned): string {
  const text = problem.message.startsWith(name) ? problem.message : `${name}: ${problem.message}`;
  return `${text} [${problem.code}]`;
}

export interface Outcome {
  readonly name: string;
  /** null: done. */
  readonly problem: string | null;
}

/** @param outcomes of an apply; null for a plan */
export function plansJson({ plans, unplanned }: TopicPlans, outcomes: readonly Outcome[] | null): string {
  const topics = plans.map((plan) => {
    const { name, found, wanted, partitions, set, left } = plan;
    return { name, plan: wordOf(plan), found: found && shown(found), wanted, partitions, set, left };
  });
  const unknown = unplanned.map(({ name, problem }) => ({
    name,
    code: problem.code,
    problem: problem.message,
  }));
  return JSON.stringify({ topics, unknown, ...(outcomes && { applied: outcomes }) }, null, 2);
}

/** Of dozens of settings those that are ours. */
function shown(found: NonNullable<TopicPlan["found"]>) {
  const { partitions, replicationFactor, config, own } = found;
  return { partitions, replicationFactor, config: config && ours(config), own };
}

const ourKeys = [
  "cleanup.policy",
  "retention.ms",
  "min.insync.replicas",
  "compression.type",
  "message.timestamp.type",
];

function ours(config: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    ourKeys.flatMap((key) => (config[key] === undefined ? [] : [[key, config[key]]])),
  );
}

function wordOf(plan: TopicPlan): string {
  if (plan.found === null) return "create";
  if (isNeeded(plan)) return "change";
  return plan.left.length > 0 ? "leave" : "fits";
}

function rowOf(plan: TopicPlan): string[] {
  const { name, found, wanted, partitions, set } = plan;
  const setting = (key: string, text = (value: string) => value): string => {
    const is = found === null ? wanted.config[key]! : (found.config?.[key] ?? "?");
    return set[key] === undefined || is === set[key] ? text(is) : `${text(is)} → ${text(set[key])}`;
  };
  return [
    printable(name),
    wordOf(plan),
    partitions === null ? String((found ?? wanted).partitions) : `${found!.partitions} → ${partitions}`,
    String((found ?? wanted).replicationFactor),
    setting("retention.ms", spanText),
    setting("min.insync.replicas"),
    setting("cleanup.policy"),
  ];
}

function notesOf(plan: TopicPlan): string[] {
  const { name, found, left } = plan;
  const changes = found === null ? [] : changesOf(plan).map((change) => `${name}: ${change}`);
  const own = Object.entries(found?.own ?? {}).map(([key, value]) => `${key}=${value}`);
  return [
    ...changes,
    ...left.map((reason) => `${name}: left: ${reason}`),
    ...(own.length === 0 ? [] : [`${name}: stays as it is: ${own.join(", ")}`]),
  ];
}

function changesOf({ found, partitions, set }: TopicPlan): string[] {
  const settings = Object.entries(set).map(([key, value]) => `${key} ${found?.config?.[key]} → ${value}`);
  return partitions === null ? settings : [...settings, `partitions ${found?.partitions} → ${partitions}`];
}

function sumOf(plans: readonly TopicPlan[], unplanned: readonly Unplanned[]): string {
  const count = (word: string): number => plans.filter((plan) => wordOf(plan) === word).length;
  const parts = [
    [count("create"), "to create"],
    [count("change"), "to change"],
    [count("leave"), "left as they are"],
    [count("fits"), "as they should be"],
    [unplanned.length, "unknown"],
  ] as const;
  const told = parts.flatMap(([number, text]) => (number === 0 ? [] : [`${number} ${text}`]));
  return `${plans.length + unplanned.length} topics: ${told.join(", ")}`;
}

const spans = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "m"],
  [1_000, "s"],
] as const;

function spanText(ms: string): string {
  if (!/^-?\d+$/.test(ms)) return ms;
  if (Number(ms) < 0) return "for ever";
  const [length, unit] = spans.find(([span]) => Number(ms) >= span && Number(ms) % span === 0) ?? [1, "ms"];
  return `${Number(ms) / length}${unit}`;
}
