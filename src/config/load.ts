/** Reads the settings once: defaults, then sluice.toml, then the environment. All problems come together. */
import { SluiceError } from "../errors.ts";
import { contradictions, type Port } from "./contradictions.ts";
import { type Environment, takeEnvironment } from "./environment.ts";
import { isAbout, oneLine, type Problem, withOrigins } from "./problem.ts";
import { takeSecretFiles } from "./secret-files.ts";
import { settingRows } from "./setting-rows.ts";
import { deepFreeze, type Settings, settingsSchema } from "./settings.ts";
import { readSettingsFile, settingsPath } from "./settings-file.ts";
import { tlsFileProblems } from "./tls-files.ts";
import { isTree, type Tree } from "./tree.ts";
import { problemsOfValue, sentenceOf } from "./wrong-value.ts";

export interface LoadedSettings {
  readonly settings: Settings;
  /** Where each setting that is not a default came from. */
  readonly origins: ReadonlyMap<string, string>;
}

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
  /** A line for each. */
  readonly problems: readonly string[];
}

/** As loadSettings, for whoever goes on in spite of problems. */
export function readSettings(file: string | null, env: Environment, options: LoadOptions = {}): ReadSettings {
  const problems: Problem[] = [];
  const origins = new Map<string, string>();
  const fromFile = readSettingsFile(file, origins, problems);
  const tree = fromFile ?? {};
  takeSecretFiles(tree, settingsPath(file), origins, problems);
  takeEnvironment(env, tree, origins, problems);
  const parsed = parse(withGroups(tree));
  if (!parsed.success) problems.push(...problemsOfValues(parsed.error.issues, origins, tree));
  const settings = parsed.success ? parsed.data : withoutWrong(tree, parsed.error.issues);
  const wrong = problems.flatMap(({ keys }) => keys);
  const together = settings === null ? [] : judged(settings, options, fromFile !== null);
  const lines = together.filter((line) => !isAbout(line, wrong)).map((line) => withOrigins(line, origins));
  const loaded = parsed.success ? { settings: deepFreeze(parsed.data), origins } : null;
  return { loaded, problems: [...problems.map(({ text }) => text), ...lines].map(oneLine) };
}

/** A file that is something else altogether has a great many. */
const mostTold = 100;

function problemsOfValues(issues: Issues, origins: ReadonlyMap<string, string>, tree: Tree): Problem[] {
  const told = issues.slice(0, mostTold).flatMap((issue) => problemsOfValue(issue, origins, tree));
  const leftOut = issues.length - mostTold;
  return leftOut <= 0
    ? told
    : [...told, { text: `and ${leftOut} more values that are wrong: mend those above first`, keys: [] }];
}

function parse(tree: Tree): ReturnType<typeof settingsSchema.safeParse> {
  return settingsSchema.safeParse(tree, { reportInput: true, error: sentenceOf });
}

/** @param isWhole false where what stands in the file is not known: it may resolve what seems to contradict */
function judged(
  settings: Settings,
  { tlsFiles = false, ports = ["http", "admin"] }: LoadOptions,
  isWhole: boolean,
): string[] {
  return [
    ...(isWhole ? contradictions(settings, ports) : []),
    ...(tlsFiles ? tlsFileProblems(settings) : []),
  ];
}

type Issues = NonNullable<ReturnType<typeof parse>["error"]>["issues"];

/** The others, as if those were not set, so that they can be judged too; null where that is not possible. */
function withoutWrong(tree: Tree, issues: Issues): Settings | null {
  for (const { path, ...issue } of issues) {
    const wrong = "keys" in issue ? issue.keys.map((name) => [...path, name]) : [path];
    for (const one of wrong) leaveOut(tree, one);
  }
  return parse(withGroups(tree)).data ?? null;
}

/** Of a list the whole. */
function leaveOut(tree: Tree, path: readonly PropertyKey[]): void {
  let at = tree;
  for (const [depth, name] of path.entries()) {
    const value = at[String(name)];
    if (depth === path.length - 1 || !isTree(value)) {
      delete at[String(name)];
      return;
    }
    at = value;
  }
}

function listOf(problems: readonly string[]): string {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return `${count} in the settings:\n${problems.map((p) => `  - ${p}`).join("\n")}`;
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
