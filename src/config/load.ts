/** Reads the settings once: defaults, then sluice.toml, then the environment. All problems come together. */
import { readFileSync } from "node:fs";
import { parse as parseToml, TomlError } from "smol-toml";
import { SluiceError, textOf } from "../errors.ts";
import { nearest } from "../spelling.ts";
import { contradictions, type Port } from "./contradictions.ts";
import { renamable } from "./groups/kafka.ts";
import { type SettingRow, settingRows } from "./setting-rows.ts";
import { deepFreeze, type Settings, settingsSchema } from "./settings.ts";
import { tlsFileProblems } from "./tls-files.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface LoadedSettings {
  readonly settings: Settings;
  /** Where each setting that is not a default came from. */
  readonly origins: ReadonlyMap<string, string>;
}

type Tree = Record<string, unknown>;

/** Where a command needs what the settings name: it may run as somebody who may not read a key of the bridge's. */
export interface LoadOptions {
  /** Look into the files of TLS too. */
  readonly tlsFiles?: boolean;
  /** What it listens on: both if nothing is said, since the settings are the bridge's. */
  readonly ports?: readonly Port[];
}

/**
 * @param file path of the settings file; when null, `sluice.toml` is read if it exists
 * @throws SluiceError config_invalid, naming every problem with its key and the way out
 */
export function loadSettings(
  file: string | null,
  env: Environment,
  options: LoadOptions = {},
): LoadedSettings {
  const { loaded, problems } = readSettings(file, env, options);
  if (loaded === null || problems.length > 0) throw new SluiceError("config_invalid", listOf(problems));
  return loaded;
}

export interface ReadSettings {
  /** null where nothing can be made of them; else there may be problems all the same. */
  readonly loaded: LoadedSettings | null;
  readonly problems: readonly string[];
}

/** As loadSettings, for whoever goes on in spite of problems. */
export function readSettings(
  file: string | null,
  env: Environment,
  { tlsFiles = false, ports = ["http", "admin"] }: LoadOptions = {},
): ReadSettings {
  const problems: string[] = [];
  const origins = new Map<string, string>();
  const tree = readFile(file, problems, origins);
  readEnvironment(env, tree, problems, origins);
  const parsed = settingsSchema.safeParse(withGroups(tree), { reportInput: true });
  if (!parsed.success) problems.push(...parsed.error.issues.flatMap((issue) => problemOf(issue, origins)));
  else {
    problems.push(...contradictions(parsed.data, ports));
    if (tlsFiles) problems.push(...tlsFileProblems(parsed.data));
  }
  if (!parsed.success) return { loaded: null, problems };
  return { loaded: { settings: deepFreeze(parsed.data), origins }, problems };
}

function listOf(problems: readonly string[]): string {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return `${count} in the settings:\n${problems.map((p) => `  - ${p}`).join("\n")}`;
}

function readFile(file: string | null, problems: string[], origins: Map<string, string>): Tree {
  const path = file ?? "sluice.toml";
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (thrown) {
    if (file === null && (thrown as NodeJS.ErrnoException).code === "ENOENT") return {};
    problems.push(`${path}: cannot be read (${textOf(thrown)}); name another with --config or SLUICE_CONFIG`);
    return {};
  }
  try {
    const tree = parseToml(text) as Tree;
    noteOrigins(tree, "", path, origins);
    return tree;
  } catch (thrown) {
    const where = thrown instanceof TomlError ? ` in line ${thrown.line}, column ${thrown.column}` : "";
    // smol-toml's message quotes the lines around the mistake, which may hold a password.
    problems.push(`${path}: is not TOML${where}: ${textOf(thrown).split("\n")[0]}`);
    return {};
  }
}

function noteOrigins(tree: Tree, prefix: string, path: string, origins: Map<string, string>): void {
  for (const [name, value] of Object.entries(tree)) {
    if (isTree(value)) noteOrigins(value, `${prefix}${name}.`, path, origins);
    else origins.set(prefix + name, path);
  }
}

/** Kubernetes puts these beside a service called `sluice`; they are not ours. */
function isKubernetes(name: string, value: string): boolean {
  if (/^SLUICE_(?:\w+_)?(?:SERVICE_(?:HOST|PORT)|PORT_\d+_(?:TCP|UDP))/.test(name)) return true;
  return name.endsWith("_PORT") && /^(?:tcp|udp):\/\//.test(value);
}

const notSettings = /^SLUICE_(?:CONFIG$|TEST_|PROX_BIN$)/;

function readEnvironment(
  env: Environment,
  tree: Tree,
  problems: string[],
  origins: Map<string, string>,
): void {
  const byName = new Map(settingRows.map((row) => [row.env, row]));
  for (const [name, raw] of Object.entries(env)) {
    if (!name.startsWith("SLUICE_") || raw === undefined) continue;
    const fromFile = name.endsWith("_FILE") && !byName.has(name);
    const row = byName.get(fromFile ? name.slice(0, -5) : name);
    if (row && (!fromFile || row.secret)) {
      if (fromFile && env[row.env] !== undefined) {
        problems.push(`${name} and ${row.env} are both set: take one of them away`);
        continue;
      }
      const text = fromFile ? secretFrom(raw, name, problems) : raw;
      if (text === null) continue;
      put(tree, row.key, typed(row, text));
      origins.set(row.key, name);
    } else if (!notSettings.test(name) && !isKubernetes(name, raw)) {
      const hint = nearest(name, [...byName.keys()]);
      problems.push(`${name}: no such setting${hint ? `; did you mean ${hint}?` : ""}`);
    }
  }
}

function secretFrom(path: string, name: string, problems: string[]): string | null {
  try {
    const secret = readFileSync(path, "utf8").trim();
    if (secret !== "") return secret;
    problems.push(`${name}: the file it names is empty`);
    return null;
  } catch (thrown) {
    problems.push(`${name}: the file it names cannot be read (${textOf(thrown)})`);
    return null;
  }
}

function typed(row: SettingRow, text: string): unknown {
  if (row.kind === "list")
    return text
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== "");
  if (row.kind === "map") return mapIn(text);
  if (row.kind === "boolean") return text === "true" ? true : text === "false" ? false : text;
  const numeric = row.kind === "number" || row.kind === "bytes";
  return numeric && /^-?\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : text;
}

/** `logins=corp.logins, proxies=corp.proxies`; what has no `=` is refused as a topic without a name. */
function mapIn(text: string): Tree {
  const pairs = text.split(",").filter((part) => part.trim() !== "");
  return Object.fromEntries(
    pairs.map((pair) => {
      const [name, ...value] = pair.split("=");
      return [name!.trim(), value.join("=").trim()];
    }),
  );
}

function put(tree: Tree, key: string, value: unknown): void {
  const path = key.split(".");
  const last = path.pop()!;
  let at = tree;
  for (const name of path) {
    if (!isTree(at[name])) at[name] = {};
    at = at[name] as Tree;
  }
  at[last] = value;
}

/** Groups that nobody wrote are there all the same, so that their defaults apply. */
function withGroups(tree: Tree): Tree {
  for (const { key } of settingRows) {
    let at = tree;
    for (const name of key.split(".").slice(0, -1)) {
      at[name] ??= {};
      if (!isTree(at[name])) break;
      at = at[name];
    }
  }
  return tree;
}

type Issue = { code: string; path: PropertyKey[]; message: string; keys?: string[]; input?: unknown };

function problemOf(issue: unknown, origins: ReadonlyMap<string, string>): string[] {
  const { code, path, message, keys, input } = issue as Issue;
  const key = path.join(".");
  const prefix = key === "" ? "" : `${key}.`;
  if (code === "unrecognized_keys" && keys) {
    return keys.map((name) => {
      const known = [...settingRows.map((row) => row.key), ...renamable.map((one) => `kafka.topics.${one}`)];
      const hint = nearest(prefix + name, known);
      return `${prefix}${name}: no such setting${hint ? `; did you mean ${hint}?` : ""}`;
    });
  }
  const row = settingRows.find((r) => r.key === key || key.startsWith(`${r.key}.`));
  const secret = row?.secret === true || /(^|\.)auth$/.test(key);
  const shown = secret || input === undefined ? "" : ` is ${JSON.stringify(input)}:`;
  const origin = origins.get(key) ?? origins.get(row?.key ?? "");
  return [`${key}${origin ? ` (${origin})` : ""}:${shown} ${message}`];
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
