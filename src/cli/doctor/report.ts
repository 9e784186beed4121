/** What the doctor found, for people and for programs. */
import { styleText } from "node:util";
import { aligned } from "../aligned.ts";
import { printable } from "../screen-text.ts";
import type { Checked } from "./check.ts";
import { type Level, worstOf } from "./finding.ts";

const levels: readonly Level[] = ["red", "yellow", "green"];

/** Each line with what was seen, and below it the next step where there is one. */
export function findingsText(findings: readonly Checked[], coloured: boolean): string {
  const colour = (level: Level, text: string): string =>
    coloured ? styleText(level, text, { validateStream: false }) : text;
  const cells = findings.map(({ section, level, what, seen }) => [level, section, what, seen].map(printable));
  const rows = aligned(cells, 4);
  const lines = findings.flatMap(({ level, next }, at) => {
    const row = colour(level, level) + rows[at]!.slice(level.length);
    return next === null ? [row] : [row, `        → ${printable(next)}`];
  });
  return `${[...lines, sumOf(findings)].join("\n")}\n`;
}

function sumOf(findings: readonly Checked[]): string {
  const counts = levels.map(
    (level) => [findings.filter((one) => one.level === level).length, level] as const,
  );
  return counts
    .filter(([count]) => count > 0)
    .map(([count, level]) => `${count} ${level}`)
    .join(", ");
}

/** @param frps null where the settings cannot be read */
export function findingsJson(version: string, findings: readonly Checked[], frps: string | null): string {
  return JSON.stringify({ version, level: worstOf(findings), findings, frps }, null, 2);
}
