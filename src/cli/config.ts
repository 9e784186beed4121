/** `sluice config`: the effective settings, secrets masked. */
import { loadSettings } from "../config/load.ts";
import { settingsTable, shownSettings } from "../config/show.ts";
import { printable } from "./screen-text.ts";

export interface ConfigOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly table?: boolean;
}

export function showConfig(options: ConfigOptions): void {
  process.stdout.write(`${options.table ? settingsTable() : effective(options)}\n`);
}

/** Beyond this a long value pushes its origin aside instead of all the others'. */
const mostValueWidth = 44;

function effective(options: ConfigOptions): string {
  const shown = shownSettings(loadSettings(options.config ?? null, process.env, { tlsFiles: true }));
  if (options.json) return JSON.stringify(shown, null, 2);
  const rows = [
    ["SETTING", "VALUE", "FROM"],
    ...shown.map(({ key, value, origin }) => [
      key,
      value === null ? "(none)" : JSON.stringify(value),
      origin,
    ]),
  ].map((row) => row.map(printable));
  const keyWidth = Math.max(...rows.map(([key]) => key!.length));
  const valueWidth = Math.min(mostValueWidth, Math.max(...rows.map(([, value]) => value!.length)));
  return rows
    .map(([key, value, origin]) => `${key!.padEnd(keyWidth)}  ${value!.padEnd(valueWidth)}  ${origin}`)
    .join("\n");
}
