/** What came of the faults, as a table for a terminal or for a document. */
import type { Outcome } from "./run.ts";

/** A bridge that is broken on purpose must be caught at what is broken in it, any other at nothing. */
export function isAsExpected(outcome: Outcome): boolean {
  const { crime } = outcome.fault;
  if (crime === undefined) return isClean(outcome);
  return outcome.problem === null && outcome.findings.some((finding) => finding.crime === crime);
}

const columns = [
  "fault",
  "answered",
  "delivered",
  "named",
  "duplicates",
  "lost",
  "phantom",
  "verdict",
] as const;

function isClean({ findings, lost, phantom, problem }: Outcome): boolean {
  return findings.length === 0 && lost === 0 && phantom === 0 && problem === null;
}

function verdictOf(outcome: Outcome): string {
  if (outcome.problem !== null) return "no verdict";
  const crimes = outcome.findings.map(({ crime, count }) => `${crime} ${count}`).join(", ");
  if (outcome.fault.crime !== undefined)
    return isAsExpected(outcome) ? `caught: ${crimes}` : `NOT CAUGHT: ${crimes}`;
  return isClean(outcome) ? "kept its word" : crimes;
}

function rowsOf(outcomes: readonly Outcome[]): string[][] {
  return outcomes.map((outcome) => [
    outcome.fault.name,
    ...(["answered", "delivered", "named", "duplicates", "lost", "phantom"] as const).map((name) =>
      outcome[name].toLocaleString("en"),
    ),
    verdictOf(outcome),
  ]);
}

export function textTable(outcomes: readonly Outcome[]): string {
  const rows = [[...columns], ...rowsOf(outcomes)];
  const widths = columns.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, at) => (isText(at) ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join("  ");
  return rows.map((row) => line(row).trimEnd()).join("\n");
}

export function markdownTable(outcomes: readonly Outcome[]): string {
  const rule = columns.map((_, at) => (isText(at) ? "---" : "--:"));
  return [[...columns], rule, ...rowsOf(outcomes)].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

function isText(column: number): boolean {
  return column === 0 || column === columns.length - 1;
}
