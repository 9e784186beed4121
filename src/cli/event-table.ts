/**
 * Events as lines of a table. On a terminal a row stays one line: names are cut where there is no room. Anywhere
 * else nothing is left out, so that what is searched for can be found.
 */
import { columnNames, eventRow, type ShownEvent } from "./event-row.ts";
import { cut, inWidth, widthOf } from "./screen-text.ts";

/** TIME and TYPE are never cut. */
const fixedColumns = 2;
const leastWidth = 6;
const leastOutcomeWidth = 24;
/** One very long name does not push all others aside. */
const mostWidth = 64;
const between = "  ";

export class EventTable {
  readonly #screenWidth: () => number | null;
  /** Of all columns but the last, which takes what is left. */
  #widths: number[] = columnNames.slice(0, -1).map(widthOf);
  #headed = false;

  /** @param screenWidth columns of the terminal now; null when it is none */
  constructor(screenWidth: () => number | null) {
    this.#screenWidth = screenWidth;
  }

  /** The lines of these events, the first time with a head. Columns that turn out too narrow grow. */
  lines(events: readonly ShownEvent[]): string[] {
    if (events.length === 0) return [];
    const screen = this.#screenWidth();
    const rows = events.map(eventRow);
    if (screen !== null) for (const row of rows) row[0] = shortTime(row[0]!);
    for (const row of rows) {
      this.#widths = this.#widths.map((width, at) => Math.max(width, Math.min(mostWidth, widthOf(row[at]!))));
    }
    const shown = this.#headed ? rows : [[...columnNames], ...rows];
    this.#headed = true;
    const widths =
      screen === null
        ? this.#widths
        : fitted(this.#widths, screen - leastOutcomeWidth - between.length, fixedColumns);
    return shown.map((row) => lineOf(row, widths, screen));
  }
}

/** `2026-11-21T03:34:06.036Z` as `11-21 03:34:06`; anything else as it is. */
function shortTime(time: string): string {
  const parts = /^\d{4}-(\d\d-\d\d)T(\d\d:\d\d:\d\d)\.\d{3}Z$/.exec(time);
  return parts ? `${parts[1]} ${parts[2]}` : time;
}

/**
 * Widths of columns, the widest made narrower until all have room.
 * @param fixed how many of the first are left as they are
 */
export function fitted(widths: readonly number[], room: number, fixed = 0): number[] {
  const narrowed = [...widths];
  const total = (): number => narrowed.reduce((sum, width) => sum + width + between.length, -between.length);
  while (total() > room) {
    const widest = Math.max(...narrowed.slice(fixed));
    if (widest <= leastWidth) break;
    narrowed[narrowed.indexOf(widest, fixed)] = widest - 1;
  }
  return narrowed;
}

function lineOf(row: readonly string[], widths: readonly number[], screen: number | null): string {
  const cells = row.map((cell, at) => {
    const width = widths[at];
    if (width === undefined) return cell;
    return screen === null ? cell + " ".repeat(Math.max(0, width - widthOf(cell))) : inWidth(cell, width);
  });
  const line = cells.join(between).trimEnd();
  return screen === null ? line : cut(line, screen);
}
