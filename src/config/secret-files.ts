/**
 * Secrets that stand in files of their own: in the environment `SLUICE_HTTP_AUTH_FILE`, in sluice.toml `authFile` beside
 * where `auth` would stand. They are read whenever the settings are: at the start and at a reload.
 */
import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";
import { isAbsolute } from "node:path";
import { whyUnreadable } from "../unreadable.ts";
import type { Problem } from "./problem.ts";
import { settingRows } from "./setting-rows.ts";
import { isTree, type Tree } from "./tree.ts";

/** Without the spaces and line ends around it. @returns null where there is none, which is told in `problems` */
export function secretFrom(path: string, named: string, key: string, problems: Problem[]): string | null {
  const wrong = (text: string): null => {
    problems.push({ text: `${named} ${text}`, keys: [key] });
    return null;
  };
  if (path === "") return wrong("is empty: must be the path of a file with the secret; or take it away");
  try {
    const bytes = readFileSync(path);
    if (!isUtf8(bytes)) return wrong(`names ${path}, which is not UTF-8: put the secret into it as text`);
    const secret = bytes.toString().trim();
    return secret === "" ? wrong(`names ${path}, which is empty: put the secret into it`) : secret;
  } catch (thrown) {
    if (isPath(path)) return wrong(`names ${path}, which ${whyUnreadable(thrown)}`);
    return wrong(
      `names no file: must be the path of one with the secret, such as /run/secrets/${lastOf(key)}`,
    );
  }
}

/** Anything else that is not there may be the secret itself. */
function isPath(text: string): boolean {
  return isAbsolute(text) || /^\.{1,2}\//.test(text);
}

function lastOf(key: string): string {
  return key.slice(key.lastIndexOf(".") + 1);
}

/** Puts the secrets in the place of the names of their files. @param path of the settings file */
export function takeSecretFiles(
  tree: Tree,
  path: string,
  origins: Map<string, string>,
  problems: Problem[],
): void {
  const nodes = isTree(tree.nodes) ? Object.keys(tree.nodes) : [];
  const secrets = settingRows.filter((row) => row.secret).map((row) => row.key.split("."));
  for (const at of [...secrets, ...nodes.map((name) => ["nodes", name, "auth"])]) {
    const group = at
      .slice(0, -1)
      .reduce<unknown>((outer, name) => (isTree(outer) ? outer[name] : undefined), tree);
    const name = at.at(-1)!;
    const beside = `${name}File`;
    if (!isTree(group) || !Object.hasOwn(group, beside)) continue;
    const file = group[beside];
    delete group[beside];
    const key = at.join(".");
    const origin = origins.get(`${key}File`) ?? path;
    origins.delete(`${key}File`);
    const named = `${key}File (${origin})`;
    if (group[name] !== undefined) {
      problems.push({ text: `${named} and ${key} are both set: take one of them away`, keys: [key] });
      continue;
    }
    if (typeof file !== "string") {
      problems.push({ text: `${named}: must be the path of a file with the secret, in quotes`, keys: [key] });
      continue;
    }
    const secret = secretFrom(file, named, key, problems);
    if (secret === null) continue;
    group[name] = secret;
    origins.set(key, `${origin}, ${beside}`);
  }
}
