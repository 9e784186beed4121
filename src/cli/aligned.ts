/** Rows as a table: the first cells of a row to the left of their columns, the others, which are numbers, to the right. */
import { widthOf } from "./screen-text.ts";

/**
 * @param rows printable; a text, and a row of one cell, stands by itself and makes no column wider
 * @param leftColumns how many of the columns hold text
 */
export function aligned(rows: readonly (readonly string[] | string)[], leftColumns = 1): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    if (typeof row === "string" || row.length === 1) continue;
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, widthOf(cell));
  }
  return rows.map((row) => {
    if (typeof row === "string") return row;
    if (row.length === 1) return row[0]!;
    const cells = row.map((cell, at) => {
      const room = " ".repeat(widths[at]! - widthOf(cell));
      return at < leftColumns ? cell + room : room + cell;
    });
    return cells.join("  ").trimEnd();
  });
}
