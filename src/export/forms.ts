/** The forms that an export writes an event in, each a pure function of the event's JSON. */
import { parseEvent, type Unparsed } from "../events/parse.ts";
import type { Cell, ConnectRow, ConnectSchema } from "../events/projections/columns.ts";
import { toEcs } from "../events/projections/ecs.ts";
import { flatSchema, toFlat } from "../events/projections/flat.ts";
import { flatSessionSchema, toFlatSession } from "../events/projections/flat-sessions.ts";
import { toOcsf } from "../events/projections/ocsf.ts";
import type { SluiceEvent } from "../events/schema.ts";
import { csvLine } from "./csv.ts";
import type { ExportFormat, ExportView } from "./names.ts";

export interface FormOptions {
  readonly view: ExportView;
  readonly format: ExportFormat;
  /** See csvLine(). */
  readonly spreadsheet: boolean;
}

/** Why a record is left out; `unprojected`: this form cannot say it. */
export type LeftOut = Unparsed["reason"] | "unprojected";

/** The text, line end included; null where the event makes no row; or why it is left out. */
export type Written = { readonly text: string | null } | { readonly leftOut: LeftOut };

export interface Form {
  /** Written before everything else. */
  readonly head: string;
  readonly write: (event: string) => Written;
}

type Rows = (event: SluiceEvent) => ConnectRow | null;

/** Csv is for flat rows only; whoever asks has made sure. */
export function formOf({ view, format, spreadsheet }: FormOptions): Form {
  const line = (value: unknown): string => `${JSON.stringify(value)}\n`;
  if (view === "events") return { head: "", write: asItIs };
  if (view === "ocsf") return { head: "", write: projected((event) => line(toOcsf(event))) };
  if (view === "ecs") return { head: "", write: projected((event) => line(toEcs(event))) };
  const [schema, rowOf]: [ConnectSchema, Rows] =
    view === "flat" ? [flatSchema, toFlat] : [flatSessionSchema, toFlatSession];
  const columns = columnsOf(schema);
  const textOf =
    format === "csv"
      ? (cells: readonly Cell[]): string => csvLine(cells, spreadsheet)
      : (cells: readonly Cell[]): string =>
          line(Object.fromEntries(cells.map((cell, at) => [columns[at]!.name, cell])));
  return {
    head: format === "csv" ? csvLine(columns.map(({ name }) => name)) : "",
    write: projected((event) => {
      const row = rowOf(event);
      return row && textOf(columns.map(({ name, isTime }) => cellOf(row.payload[name]!, isTime)));
    }),
  };
}

function columnsOf({ fields }: ConnectSchema): { readonly name: string; readonly isTime: boolean }[] {
  return fields.map(({ field, name }) => ({
    name: field,
    isTime: name === "org.apache.kafka.connect.data.Timestamp",
  }));
}

/** Milliseconds are what Connect wants; everybody else reads ISO 8601. */
function cellOf(cell: Cell, isTime: boolean): Cell {
  return isTime && typeof cell === "number" ? new Date(cell).toISOString() : cell;
}

/** A type or a version that this release does not know passes too: nothing in it needs to be understood. */
function asItIs(event: string): Written {
  const parsed = parseEvent(event);
  if (!parsed.ok && !parsed.reason.startsWith("unknown_")) return { leftOut: parsed.reason };
  // JSON that somebody else wrote may have line ends between its parts.
  return { text: `${event.includes("\n") ? JSON.stringify(JSON.parse(event)) : event}\n` };
}

function projected(textOf: (event: SluiceEvent) => string | null): Form["write"] {
  return (event) => {
    const parsed = parseEvent(event);
    if (!parsed.ok) return { leftOut: parsed.reason };
    try {
      return { text: textOf(parsed.event) };
    } catch {
      return { leftOut: "unprojected" };
    }
  };
}
