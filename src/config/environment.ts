/** Settings in the environment, `SLUICE_HTTP_PORT`, put over those of the file. */
import type { Problem } from "./problem.ts";
import { secretFrom } from "./secret-files.ts";
import { type SettingRow, settingRows } from "./setting-rows.ts";
import { isTree, type Tree } from "./tree.ts";
import { unknownVariable } from "./unknown.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Kubernetes puts these beside a service called `sluice`; they are not ours. */
function isKubernetes(name: string, value: string): boolean {
  if (/^SLUICE_(?:\w+_)?(?:SERVICE_(?:HOST|PORT)|PORT_\d+_(?:TCP|UDP))/.test(name)) return true;
  return name.endsWith("_PORT") && /^(?:tcp|udp):\/\//.test(value);
}

const notSettings = /^SLUICE_(?:CONFIG$|TEST_|PROX_BIN$)/;

export function takeEnvironment(
  env: Environment,
  tree: Tree,
  origins: Map<string, string>,
  problems: Problem[],
): void {
  const byName = new Map(settingRows.map((row) => [row.env, row]));
  for (const [name, raw] of Object.entries(env)) {
    if (!name.startsWith("SLUICE_") || raw === undefined) continue;
    const fromFile = name.endsWith("_FILE") && !byName.has(name);
    const row = byName.get(fromFile ? name.slice(0, -5) : name);
    if (row && (!fromFile || row.secret)) {
      if (fromFile && env[row.env] !== undefined) {
        problems.push({
          text: `${name} and ${row.env} are both set: take one of them away`,
          keys: [row.key],
        });
        continue;
      }
      const text = fromFile ? secretFrom(raw, `${name} (${row.key})`, row.key, problems) : raw;
      if (text === null) continue;
      put(tree, row.key, typed(row, text));
      origins.set(row.key, name);
    } else if (!notSettings.test(name) && !isKubernetes(name, raw)) problems.push(unknownVariable(name));
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

/** What stands in the place of a group stays: it is a problem of its own. */
function put(tree: Tree, key: string, value: unknown): void {
  const path = key.split(".");
  const last = path.pop()!;
  let at = tree;
  for (const name of path) {
    at[name] ??= {};
    if (!isTree(at[name])) return;
    at = at[name];
  }
  at[last] = value;
}
