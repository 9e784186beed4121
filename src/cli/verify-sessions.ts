/** What the ledger found of user sessions: as a table, and in a sentence for each fault. */
import { type SessionFinding, type SessionsReport, sessionFaults } from "../ledger/report.ts";
import { aligned } from "./aligned.ts";
import { grouped } from "./progress-bar.ts";
import { printable } from "./screen-text.ts";

const columns = [
  ["STARTED", "started"],
  ["REFUSED", "refused"],
  ["CLOSED", "closed"],
  ["UNPAIRED", "unpaired"],
  ["ENDED", "ended"],
  ["ANNOUNCED", "announced"],
  ["INFERRED", "inferred"],
  ["BOTH", "superseded"],
  ["OPEN", "open"],
] as const;
const lastColumns = ["PENDING", "EXPLAINED", "WRONG"];

export function sessionsTable(sessions: readonly SessionsReport[]): string[] {
  if (sessions.length === 0) return [];
  const rows = sessions.map((report) => [
    `instance ${printable(report.instance)}`,
    ...columns.map(([, name]) => String(report[name])),
    ...[report.pending, report.explained, wrongOf([report])].map(String),
  ]);
  return aligned([["SESSIONS", ...columns.map(([head]) => head), ...lastColumns], ...rows]);
}

/** How often a session lacks something that nothing explains. */
export function wrongOf(sessions: readonly SessionsReport[]): number {
  return sessions.flatMap(({ findings }) => findings).reduce((sum, { count }) => sum + count, 0);
}

export function sessionLines(sessions: readonly SessionsReport[]): string[] {
  return sessions.flatMap(({ instance, findings, unjudged }) => [
    ...findings.map((finding) => findingLine(instance, finding)),
    ...(unjudged > 0
      ? [`${grouped(unjudged)} more sessions of instance ${printable(instance)} lack something: not judged`]
      : []),
  ]);
}

function findingLine(instance: string, { fault, epoch, topic, count, examples }: SessionFinding): string {
  const sessions = count === 1 ? "1 session" : `${grouped(count)} sessions`;
  const [example] = examples;
  const such = example
    ? `; ${count === 1 ? "it is" : "one is"} ${printable(example.session)}${example.time === null ? "" : `, ${example.time}`}`
    : "";
  const place = `topic ${printable(topic)}, epoch ${printable(epoch)}, instance ${printable(instance)}`;
  return `${fault.toUpperCase()}: ${sessions} ${sessionFaults[fault]}: ${place}${such}`;
}
