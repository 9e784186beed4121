/** The report: what is required, sought and measured, then each part's tables. */
import type { Limit, Measured, Told } from "./part.ts";
import { parts } from "./parts.ts";
import { rounded, type Spread } from "./statistics.ts";

/** What stands from this line on was written by hand, and stays when the figures are written anew. */
const keptFrom = "<!-- what follows is kept -->";

/** @param before the file as it was; empty where there was none */
export function withKept(report: string, before: string): string {
  const at = before.indexOf(keptFrom);
  return at < 0 ? report : `${report}\n${before.slice(at)}`;
}

export interface Results {
  readonly machine: string;
  /** Lengths and rounds, and whatever else one must know to compare figures. */
  readonly said: readonly string[];
  readonly found: ReadonlyMap<string, readonly Told[]>;
  /** Parts that did not come to their end, and why. */
  readonly failed: ReadonlyMap<string, string>;
  /** Asked for, and not begun. */
  readonly missing: readonly string[];
}

export function report({ machine, said, found, failed, missing }: Results): string {
  const measured = [...found.values()].flat().filter((told) => told.kind === "measured");
  return [
    "# What the bench measured\n",
    "Written by `npm run bench`. All figures are ratios within one run, of variants that took turns; the middle one of",
    "all rounds, in brackets the least and the most.\n",
    `- ${machine}`,
    ...said.map((line) => `- ${line}`),
    ...[...failed].map(([name, why]) => `- **${name} did not come to its end**: ${why}`),
    ...(missing.length > 0 ? [`- **Interrupted**; not measured: ${missing.join(", ")}`] : []),
    ...(measured.length > 0 ? ["\n## Required, sought, measured\n", ...targets(measured)] : []),
    ...[...found].flatMap(([name, all]) => section(name, all)),
    "",
  ].join("\n");
}

function targets(all: readonly Measured[]): string[] {
  const several = new Set(all.map(({ version }) => version)).size > 1;
  const rows = all.map((one) => [
    several ? `${one.what} (${one.version})` : one.what,
    limit(one.required, one.unit),
    one.sought ? limit(one.sought, one.unit) : "",
    `**${withUnit(one.spread, one.unit)}** ${verdict(one)}`,
    one.cpuUs ? `${rounded(one.cpuUs[0])} / ${rounded(one.cpuUs[1])}` : "",
    one.how,
  ]);
  return table(["", "required", "sought", "measured", "CPU µs an op, of both", "how"], rows);
}

function limit({ sense, value, text }: Limit, unit: Measured["unit"]): string {
  const sign = sense === "least" ? "≥" : "≤";
  const bound = `${sign} ${value.toFixed(value < 10 ? 2 : 0)} ${unit}`;
  return text ? `${bound} (${text})` : bound;
}

function withUnit({ median, min, max, count }: Spread, unit: string): string {
  const range = count > 1 ? ` (${rounded(min)}–${rounded(max)})` : "";
  return `${rounded(median)} ${unit}${range}`;
}

export function verdict({ spread, required, sought }: Measured): string {
  const meets = ({ sense, value }: Limit): boolean =>
    sense === "least" ? spread.median >= value : spread.median <= value;
  if (sought && meets(sought)) return "as sought";
  return meets(required) ? "met" : "MISSED";
}

function section(name: string, all: readonly Told[]): string[] {
  const { what } = parts[name]!;
  return [`\n## ${name}: ${what}`, ...all.flatMap(shown)];
}

function shown(told: Told): string[] {
  switch (told.kind) {
    case "table":
      return [`\n${told.title}${told.note ? `. ${told.note}` : ":"}\n`, ...table(told.columns, told.rows)];
    case "text":
      return [`\n${told.title}:\n`, "```", told.text.trim(), "```"];
    case "skipped":
      return [`\nNot measured: ${told.why}.`];
    case "measured":
      return [];
  }
}

/** The first column and the last one of words lie left, figures right. */
function table(columns: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const words = columns.map((_, at) => at === 0 || rows.some((row) => /^\D{12}/.test(row[at] ?? "")));
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(columns), `|${words.map((isText) => (isText ? "---|" : "--:|")).join("")}`, ...rows.map(line)];
}
