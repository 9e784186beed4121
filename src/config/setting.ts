/** What a setting is made of: its schema, its sentence, and the kinds of value that several have. */
import { z } from "zod";

export interface SettingMeta {
  readonly unit?: string;
  /** Masked wherever settings are shown; may come from a file named by `<ENV>_FILE`. */
  readonly secret?: true;
  /** Changes without a restart: whoever uses it reads it from LiveSettings at each use. */
  readonly live?: true;
}

export function setting<T extends z.ZodType>(schema: T, sentence: string, meta: SettingMeta = {}): T {
  return schema.meta({ description: sentence, ...meta });
}

const byteUnits: Record<string, number> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** A number of bytes, also as text with a unit: `64MiB`. */
export const bytes = z.preprocess((value) => {
  const parts = typeof value === "string" ? /^(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB)$/.exec(value.trim()) : null;
  return parts ? Math.floor(Number(parts[1]) * byteUnits[parts[2] as string]!) : value;
}, z.int("must be a number of bytes, or text such as 64MiB").positive());

export const milliseconds = z
  .int("must be a whole number of milliseconds, such as 60000")
  .nonnegative("must not be negative");
export const seconds = z.int("must be a whole number of seconds, such as 600").positive("must be at least 1");

export const port = z.int().min(0).max(65535);
export const auth = z.string().regex(/^[^:\s]+:\S+$/, "must be user:password, as in frps's addr");

/** A path; what stands in the file is read when it is needed, and anew when it has changed. */
export const pemFile = z.string().min(1, "must be the path of a PEM file");

/** Names of frps and prox nodes, in paths and in settings (design: 1 to 64 characters). */
export const nodeName = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,64}$/, "must be 1 to 64 of the characters A-Z a-z 0-9 . _ -");
