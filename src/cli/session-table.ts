/** Open sessions as lines of a table. */
import type { ListedSession, SessionList } from "../sessions/listing.ts";
import { aligned } from "./aligned.ts";
import { addressText } from "./event-row.ts";
import { printable } from "./screen-text.ts";

const head = ["STATE", "USER", "PROXY", "FROM", "NODE", "SINCE", "ADMITTED BY", "AGE"];

export function sessionTable({ open, unknown, sessions }: SessionList): string[] {
  const table = sessions.length === 0 ? [] : aligned([head, ...sessions.map(row)], head.length - 1);
  const all = open + unknown;
  const shown =
    sessions.length < all ? `; shown are the newest ${countText(sessions.length)}, see --limit` : "";
  const why = unknown === 0 ? "" : " (their frps does not tell when connections end)";
  return [...table, `${countText(open)} open, ${countText(unknown)} unknown${why}${shown}`];
}

function row({ state, user, proxy, remote, node, startedAt, rule, code, ageMs }: ListedSession): string[] {
  return [
    state,
    user === "" ? '""' : (user ?? "-"),
    proxy.type === null ? proxy.name : `${proxy.name} (${proxy.type})`,
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
