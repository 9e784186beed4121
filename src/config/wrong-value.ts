/** A setting that is wrong by itself, in the words of `Problem`; zod says only where, and what kind of thing it is. */
import { z } from "zod";
import { nearest } from "../spelling.ts";
import { named, type Origins, type Problem } from "./problem.ts";
import { type SettingRow, settingRows } from "./setting-rows.ts";
import { settingsSchema } from "./settings.ts";
import { unknownSetting } from "./unknown.ts";

type Issue = z.core.$ZodIssue & { readonly input?: unknown };

/** For zod: the sentence where a setting has none of its own. */
export function sentenceOf({ code, path = [] }: z.core.$ZodRawIssue): string | undefined {
  return code === "unrecognized_keys" ? undefined : allowedAt(path);
}

/** @param tree as it was read, before defaults */
export function problemsOfValue(issue: Issue, origins: Origins, tree: unknown): Problem[] {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((name) => unknownSetting([...path, name], valueIn(tree, [...path, name]), origins));
  }
  const isElement = typeof issue.path.at(-1) === "number";
  const key = (isElement ? path.slice(0, -1) : path).join(".");
  const row = settingRows.find((one) => one.key === key || key.startsWith(`${one.key}.`));
  const secret = row?.secret === true || /^nodes\..*\.auth$/.test(key);
  if (issue.code === "invalid_key") {
    const text = `${named(key, origins)}: a name ${issue.issues[0]?.message}`;
    return [{ text, keys: [key] }];
  }
  const value = issue.input;
  const verb = isElement ? " has" : " is";
  const shown =
    value === undefined
      ? ""
      : value === ""
        ? `${verb} empty`
        : secret || isGroup(value) || (typeof value === "string" && takesGroup(issue.path))
          ? ""
          : `${verb} ${shownValue(value)}`;
  const meant = typeof value === "string" && !isElement ? nearest(value, optionsAt(issue.path)) : null;
  const hint = meant === null ? "" : `; did you mean ${meant}?`;
  return [{ text: `${named(key, origins)}${shown}: ${issue.message}${hint}`, keys: [key] }];
}

const mostShown = 120;

/** There may be secrets in it; a date is a value. */
function isGroup(value: unknown): boolean {
  return typeof value === "object" && value !== null && !(value instanceof Date);
}

/** What was written for a whole group may be the secret in it, as in `edge = "user:password"`. */
function takesGroup(path: readonly PropertyKey[]): boolean {
  const schema = schemaAt(path);
  return (
    (schema instanceof z.ZodRecord ? bare(schema.valueType as z.ZodType) : schema) instanceof z.ZodObject
  );
}

function shownValue(value: unknown): string {
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? String(value));
  // Somebody may have put a URL, password and all, where none belongs.
  const clean = text.replace(/\/\/.*@/, "//***@");
  return clean.length <= mostShown ? clean : `${clean.slice(0, mostShown)}…`;
}

function valueIn(tree: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], tree);
}

/** The schema of a setting, a group, or an element of a list; its default and its readings taken off. */
function schemaAt(path: readonly PropertyKey[]): z.ZodType | undefined {
  return path.reduce<z.ZodType | undefined>((at, name) => {
    if (at instanceof z.ZodObject) return bare(at.shape[String(name)]);
    if (at instanceof z.ZodRecord) return bare(at.valueType as z.ZodType);
    return at instanceof z.ZodArray ? bare(at.element as z.ZodType) : undefined;
  }, settingsSchema);
}

function bare(schema: z.ZodType | undefined): z.ZodType | undefined {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional)
    return bare(schema.unwrap() as z.ZodType);
  return schema instanceof z.ZodPipe ? bare(schema.out as z.ZodType) : schema;
}

function optionsAt(path: readonly PropertyKey[]): string[] {
  const schema = schemaAt(path);
  return schema instanceof z.ZodEnum ? schema.options.map(String) : [];
}

function allowedAt(path: readonly PropertyKey[]): string {
  const schema = schemaAt(path);
  if (schema instanceof z.ZodNumber)
    return numbersOf(
      schema,
      settingRows.find((row) => row.key === path.join(".")),
    );
  if (schema instanceof z.ZodBoolean) return "must be true or false";
  if (schema instanceof z.ZodEnum) return `must be one of ${optionsAt(path).join(", ")}`;
  if (schema instanceof z.ZodString) return "must be text, not empty; in TOML in quotes";
  if (schema instanceof z.ZodArray) return 'must be a list, such as ["a", "b"]';
  return `must be a group of settings: [${path.join(".")}] on a line, its settings below`;
}

const unitWords: Readonly<Record<string, string>> = {
  ms: " of milliseconds",
  s: " of seconds",
  bytes: " of bytes",
};

function numbersOf({ minValue, maxValue }: z.ZodNumber, row: SettingRow | undefined): string {
  const what = `must be a whole number${unitWords[row?.unit ?? ""] ?? ""}`;
  const isOpen = maxValue === null || maxValue >= Number.MAX_SAFE_INTEGER;
  return isOpen ? `${what}, ${minValue} or more` : `${what}, ${minValue} to ${maxValue}`;
}
