/** Open sessions as lines of a table: on a terminal a row stays one line, anywhere else nothing is left out. */
import type { ListedSession, SessionList } from "../sessions/listing.ts";
import { aligned } from "./aligned.ts";
import { addressText } from "./event-row.ts";
import { fitted } from "./event-table.ts";
import { cut, printable, widthOf } from "./screen-text.ts";

const head = ["STATE", "USER", "PROXY", "FROM", "NODE", "SINCE", "ADMITTED BY", "AGE"];
/** What a terminal has no room for: AGE says it too. */
const since = head.indexOf("SINCE");

/** @param screenWidth columns of the terminal; null when it is none */
export function sessionTable(
  { open, ending, unknown, sessions }: SessionList,
  screenWidth: number | null,
): string[] {
  const table = sessions.length === 0 ? [] : tableOf([head, ...sessions.map(row)], screenWidth);
  const all = open + ending + unknown;
  const shown =
    sessions.length < all ? `; shown are the newest ${countText(sessions.length)}, see --limit` : "";
  const why = unknown === 0 ? "" : " (their frps does not tell when connections end)";
  const endings = ending === 0 ? "" : `, ${countText(ending)} ending`;
  return [...table, `${countText(open)} open${endings}, ${countText(unknown)} unknown${why}${shown}`];
}

function tableOf(rows: readonly string[][], screenWidth: number | null): string[] {
  if (screenWidth === null) return aligned(rows, head.length - 1);
  const narrow = rows.map((cells) => cells.toSpliced(since, 1));
  const widths = narrow[0]!.map((_, at) => Math.max(...narrow.map((cells) => widthOf(cells[at]!))));
  const fit = fitted(widths, screenWidth);
  const shown = narrow.map((cells) => cells.map((cell, at) => cut(cell, fit[at]!)));
  return aligned(shown, head.length - 2);
}

function row({ state, user, proxy, remote, node, startedAt, rule, code, ageMs }: ListedSession): string[] {
  return [
    state,
    user === "" ? '""' : (user ?? "-"),
    `${proxy.name === "" ? '""' : proxy.name}${proxy.type === null ? "" : ` (${proxy.type})`}`,
    (remote && addressText(remote)) ?? "-",
    node,
    startedAt,
    rule ?? code,
    ageText(ageMs),
  ].map(printable);
}

function countText(count: number): string {
  return count.toLocaleString("en-US");
}

/** The two largest units. */
export function ageText(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const units = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ] as const;
  const first = Math.max(
    0,
    units.findIndex(([count]) => count > 0),
  );
  if (seconds === 0) return "0s";
  return units
    .slice(first, first + 2)
    .map(([count, unit]) => `${count}${unit}`)
    .join(" ");
}
