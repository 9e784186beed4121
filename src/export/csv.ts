/**
 * Rows as CSV by RFC 4180: CRLF ends a line, quotes are doubled. An empty cell is null and `""` the empty text, as
 * PostgreSQL's COPY and DuckDB's `allow_quoted_nulls = false` read them.
 */
import type { Cell } from "../events/projections/columns.ts";

const toBeQuoted = /[",\r\n]|^\s|\s$|^$/;
/** OWASP's list of what begins a formula in some spreadsheet, full-width forms among it. */
const formula = /^[=+\-@\t\r\n＝＋－＠]/;

/**
 * @param spreadsheet puts an apostrophe before text that a spreadsheet would calculate. Such text is not what was
 * recorded any more, so whoever loads a file into a database leaves it off.
 */
export function csvLine(cells: readonly Cell[], spreadsheet = false): string {
  return `${cells.map((cell) => cellText(cell, spreadsheet)).join(",")}\r\n`;
}

function cellText(cell: Cell, spreadsheet: boolean): string {
  if (cell === null) return "";
  // A number begins with a minus only where it is one.
  if (typeof cell !== "string") return String(cell);
  const text = spreadsheet && formula.test(cell) ? `'${cell}` : cell;
  return toBeQuoted.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
