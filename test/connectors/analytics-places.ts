/** Where the queries of connectors/analytics run: each takes files of an export by its own load.sql. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { DuckDBInstance } from "@duckdb/node-api";
import { startPostgres } from "../hosts/postgres.ts";

export type Row = Readonly<Record<string, unknown>>;

export interface Place {
  /** Runs load.sql in a folder that has flat.csv and flat-sessions.csv. */
  load(folder: string): Promise<void>;
  /** The rows of a query: its file's name, or its text. Everything but null as text. */
  rows(query: string): Promise<Row[]>;
}

const folderOf = (dialect: string): string =>
  fileURLToPath(new URL(`../../connectors/analytics/${dialect}/`, import.meta.url));

function sqlOf(dialect: string, query: string): string {
  return query.includes(" ") ? query : readFileSync(`${folderOf(dialect)}${query}.sql`, "utf8");
}

export async function duckdb(): Promise<Place> {
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  await connection.run(sqlOf("duckdb", "tables") + sqlOf("duckdb", "views"));
  return {
    async load(folder) {
      // What the shell has as its working directory; in process it is this setting.
      await connection.run(`SET file_search_path = '${folder}'`);
      await connection.run(sqlOf("duckdb", "load"));
    },
    async rows(query) {
      const reader = await connection.runAndReadAll(sqlOf("duckdb", query));
      return reader.getRowObjects().map((row) => inText(Object.entries(row)));
    },
  };
}

export async function postgresql(): Promise<Place> {
  const server = await startPostgres();
  const files = (...names: string[]): string[] =>
    names.flatMap((name) => ["-f", `${folderOf("postgresql")}${name}.sql`]);
  await server.psql(["-q", ...files("tables", "views")]);
  return {
    async load(folder) {
      await server.psql(["-q", ...files("load")], folder);
    },
    async rows(query) {
      const asJson = `SELECT coalesce(json_agg(found), '[]') FROM (${sqlOf("postgresql", query).replace(/;\s*$/, "")}\n) AS found`;
      const found = JSON.parse(await server.psql(["-qAt", "-c", asJson])) as Row[];
      return found.map((row) => inText(Object.entries(row)));
    },
  };
}

/** Moments to the millisecond in UTC, days as they are, numbers by their digits. */
function inText(cells: readonly (readonly [string, unknown])[]): Row {
  return Object.fromEntries(
    cells.map(([name, value]) => {
      if (value === null) return [name, null];
      const moment = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d+)?)$/.exec(String(value));
      return [name, moment ? new Date(`${moment[1]}T${moment[2]}Z`).toISOString() : String(value)];
    }),
  );
}
