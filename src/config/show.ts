/** Settings as an operator sees them: effective values with their origin, and the README's table. */
import type { LoadedSettings } from "./load.ts";
import { type SettingRow, settingRows } from "./setting-rows.ts";
import { valueAt } from "./settings.ts";

export interface ShownSetting {
  readonly key: string;
  readonly value: unknown;
  readonly origin: string;
}

const mask = "***";

/** Effective settings, secrets masked. */
export function shownSettings(loaded: LoadedSettings): ShownSetting[] {
  const fixed = settingRows.map((row) => {
    const value = valueAt(loaded.settings, row.key);
    return {
      key: row.key,
      value: value === undefined ? null : row.secret ? mask : value,
      origin: loaded.origins.get(row.key) ?? "default",
    };
  });
  const nodes = Object.entries(loaded.settings.nodes).flatMap(([name, node]) =>
    Object.entries(node).map(([field, value]) => ({
      key: `nodes.${name}.${field}`,
      value: field === "auth" ? mask : value,
      origin: loaded.origins.get(`nodes.${name}.${field}`) ?? "default",
    })),
  );
  return [...fixed, ...nodes];
}

/** The settings table of the README, in Markdown; what changes without a restart is marked. */
export function settingsTable(): string {
  const lines = settingRows.map(
    (row) =>
      `| \`${row.key}\`${row.live ? " ↻" : ""} | \`${row.env}\` | ${defaultText(row)} | ${row.sentence} |`,
  );
  return ["| setting | env | default | what it is |", "|---|---|---|---|", ...lines].join("\n");
}

function defaultText(row: SettingRow): string {
  const value = row.defaultValue;
  if (value === undefined || (typeof value === "object" && Object.keys(value as object).length === 0))
    return "none";
  if (row.kind === "bytes") return bytesText(Number(value));
  const text =
    typeof value === "number"
      ? value.toLocaleString("en-US", { useGrouping: row.unit !== null })
      : String(value);
  return row.unit === null ? `\`${text}\`` : `${text} ${row.unit}`;
}

function bytesText(bytes: number): string {
  const [size, unit] = bytes >= 1024 ** 3 ? [1024 ** 3, "GiB"] : [1024 ** 2, "MiB"];
  return `${bytes / size} ${unit}`;
}
