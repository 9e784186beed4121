/** The settings as rows: their names in the file and the environment, and what is told of each. */
import { z } from "zod";
import type { SettingMeta } from "./setting.ts";
import { settingsSchema } from "./settings.ts";

export interface SettingRow {
  /** `http.port` */
  readonly key: string;
  /** `SLUICE_HTTP_PORT` */
  readonly env: string;
  readonly sentence: string;
  readonly unit: string | null;
  readonly secret: boolean;
  /** Whether it changes without a restart. */
  readonly live: boolean;
  readonly defaultValue: unknown;
  readonly kind: "number" | "boolean" | "list" | "map" | "text" | "bytes";
}

export function envNameOf(key: string): string {
  return `SLUICE_${key
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .replaceAll(".", "_")
    .toUpperCase()}`;
}

/** Every setting that has a fixed key, in the order of the schema. */
export const settingRows: readonly SettingRow[] = rowsOf(settingsSchema, "");

function rowsOf(group: z.ZodObject, prefix: string): SettingRow[] {
  return Object.entries(group.shape).flatMap(([name, schema]) => {
    const key = prefix + name;
    if (schema instanceof z.ZodObject) return rowsOf(schema, `${key}.`);
    if (key === "nodes") return [];
    const meta = (schema as z.ZodType).meta() as SettingMeta & { description?: string };
    const defaultValue = schema instanceof z.ZodDefault ? schema.def.defaultValue : undefined;
    return [
      {
        key,
        env: envNameOf(key),
        sentence: meta.description ?? "",
        unit: meta.unit ?? null,
        secret: meta.secret === true,
        live: meta.live === true,
        defaultValue,
        kind: kindOf(schema as z.ZodType),
      },
    ];
  });
}

function kindOf(schema: z.ZodType): SettingRow["kind"] {
  const inner = schema instanceof z.ZodDefault || schema instanceof z.ZodOptional ? schema.unwrap() : schema;
  if (inner instanceof z.ZodPipe) return inner.out instanceof z.ZodRecord ? "map" : "bytes";
  if (inner instanceof z.ZodNumber) return "number";
  if (inner instanceof z.ZodBoolean) return "boolean";
  if (inner instanceof z.ZodRecord) return "map";
  return inner instanceof z.ZodArray ? "list" : "text";
}
