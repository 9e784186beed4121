/**
 * Rows of one level for Kafka Connect, as its JsonConverter reads them with `schemas.enable=true`: each record brings
 * its schema, so that a sink needs no registry and no code to make a table of it.
 */
import { sinkText } from "./sink-text.ts";

/** Connect's types. `time` is milliseconds since 1970 under Connect's logical type, a timestamp in every sink. */
const connectTypes = {
  text: { type: "string" },
  bool: { type: "boolean" },
  small: { type: "int16" },
  int: { type: "int32" },
  long: { type: "int64" },
  time: { type: "int64", name: "org.apache.kafka.connect.data.Timestamp", version: 1 },
} as const;

type ColumnType = keyof typeof connectTypes;
export type Cell = string | number | boolean | null;

export interface Column<T> {
  readonly type: ColumnType;
  /** Never null. */
  readonly required?: true;
  readonly of: (from: T) => Cell;
}

export type Columns<T> = Readonly<Record<string, Column<T>>>;

export interface ConnectSchema {
  readonly type: "struct";
  readonly name: string;
  readonly version: number;
  readonly optional: false;
  readonly fields: readonly {
    readonly field: string;
    readonly type: string;
    readonly optional: boolean;
    readonly name?: string;
    readonly version?: number;
  }[];
}

/** A record's value in Connect's inline-schema JSON. */
export interface ConnectRow {
  readonly schema: ConnectSchema;
  readonly payload: Readonly<Record<string, Cell>>;
}

export function schemaOf<T>(name: string, version: number, columns: Columns<T>): ConnectSchema {
  const fields = Object.entries(columns).map(([field, { type, required }]) => ({
    field,
    ...connectTypes[type],
    optional: required !== true,
  }));
  return { type: "struct", name, version, optional: false, fields };
}

export function payloadOf<T>(columns: Columns<T>, from: T): ConnectRow["payload"] {
  return Object.fromEntries(
    Object.entries(columns).map(([name, { of }]) => {
      const value = of(from);
      return [name, typeof value === "string" ? sinkText(value) : value];
    }),
  );
}

export const text = <T>(of: (from: T) => string | null): Column<T> => ({ type: "text", of });
export const time = <T>(of: (from: T) => number | null): Column<T> => ({ type: "time", of });
export const int = <T>(of: (from: T) => number | null): Column<T> => ({ type: "int", of });
export const long = <T>(of: (from: T) => number | null): Column<T> => ({ type: "long", of });
export const bool = <T>(of: (from: T) => boolean | null): Column<T> => ({ type: "bool", of });
export const always = <T>(column: Column<T>): Column<T> => ({ ...column, required: true });
