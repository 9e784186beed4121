/** What a setting is made of: its schema, its sentence, and the kinds of value that several have. */
import { isIPv6 } from "node:net";
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

const bytesProblem = "must be a number of bytes above 0, or text such as 64MiB";
const byteUnits: Record<string, number> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** A number of bytes, also as text with a unit: `64MiB`. */
export const bytes = z.preprocess(
  (value) => {
    const parts = typeof value === "string" ? /^(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB)$/.exec(value.trim()) : null;
    return parts ? Math.floor(Number(parts[1]) * byteUnits[parts[2] as string]!) : value;
  },
  z.int(bytesProblem).min(1, bytesProblem).max(Number.MAX_SAFE_INTEGER, bytesProblem),
);

/** What is allowed is told by problems.ts, from the bounds. */
export const milliseconds = z.int().min(0);
export const someMilliseconds = z.int().min(1);
export const seconds = z.int().min(1);
export const port = z.int().min(0).max(65535);

/** Of which nobody means to write the spaces around it. */
export const text = textThat("must be text, not empty and without spaces around it; in TOML in quotes");
export const filePath = textThat("must be a path, not empty and without spaces around it");
/** What stands in the file is read when it is needed, and anew when it has changed. */
export const pemFile = textThat("must be the path of a PEM file");

function textThat(problem: string): z.ZodString {
  return z.string(problem).regex(/^\S(?:.*\S)?$/s, problem);
}

const authProblem = "must be user:password, as in frps's addr";
export const auth = z.string(authProblem).regex(/^[^:\s]+:\S+$/, authProblem);

const hostProblem =
  "must be an address or name of this machine by itself, such as 127.0.0.1, without scheme or port";
export const host = z
  .string(hostProblem)
  .refine((value) => isIPv6(value) || /^[^\s/:[\]@]+$/.test(value), hostProblem);

/** Names of frps and prox nodes, in paths and in settings (design: 1 to 64 characters). */
export const nodeName = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,64}$/, "must be 1 to 64 of the characters A-Z a-z 0-9 . _ -");
