/** sluice.toml, read without knowing what may stand in it. */
import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";
import { parse as parseToml, TomlError } from "smol-toml";
import { textOf } from "../errors.ts";
import { whyUnreadable } from "../unreadable.ts";
import type { Problem } from "./problem.ts";
import { isTree, type Tree } from "./tree.ts";

/**
 * @param file path of the settings file; when null, `sluice.toml` is read if it exists
 * @returns null where nothing is known of what stands in it
 */
export function readSettingsFile(
  file: string | null,
  origins: Map<string, string>,
  problems: Problem[],
): Tree | null {
  const path = settingsPath(file);
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (thrown) {
    if (file === null && (thrown as NodeJS.ErrnoException).code === "ENOENT") return {};
    problems.push({ text: `${path}: ${whyUnreadable(thrown)} with --config or SLUICE_CONFIG`, keys: [] });
    return null;
  }
  if (!isUtf8(bytes)) {
    problems.push({ text: `${path}: is not UTF-8, as TOML must be: save it as UTF-8`, keys: [] });
    return null;
  }
  try {
    const tree = parseToml(bytes.toString()) as Tree;
    noteOrigins(tree, "", path, origins);
    return tree;
  } catch (thrown) {
    problems.push({ text: `${path}: is not TOML${problemIn(thrown)}: mend that line`, keys: [] });
    return null;
  }
}

export function settingsPath(file: string | null): string {
  return file ?? "sluice.toml";
}

/** smol-toml's message quotes the lines around the mistake, which may hold a password. */
function problemIn(thrown: unknown): string {
  const said = textOf(thrown)
    .split("\n")[0]!
    .replace(/^Invalid TOML document: /, "");
  return thrown instanceof TomlError
    ? ` in line ${thrown.line}, column ${thrown.column} (${said})`
    : ` (${said})`;
}

function noteOrigins(tree: Tree, prefix: string, path: string, origins: Map<string, string>): void {
  for (const [name, value] of Object.entries(tree)) {
    if (isTree(value)) noteOrigins(value, `${prefix}${name}.`, path, origins);
    else origins.set(prefix + name, path);
  }
}
