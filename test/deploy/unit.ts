/** A systemd unit of deploy/systemd as text, and what it gives to the program. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";

const FOLDER = join(import.meta.dirname, "../../deploy/systemd");

export function textOf(name: string): Promise<string> {
  return readFile(join(FOLDER, name), "utf8");
}

/** The values of a setting, in their order. */
export function valuesOf(unit: string, name: string): string[] {
  return unit
    .split("\n")
    .filter((line) => line.startsWith(`${name}=`))
    .map((line) => line.slice(name.length + 1));
}

export function lastOf(unit: string, name: string): string {
  const last = valuesOf(unit, name).at(-1);
  if (last === undefined) throw new Error(`the unit has no ${name}=`);
  return last;
}

/**
 * The environment that the unit makes, with credentials in `folder` that hold what `secrets` says of them.
 * @throws Error for a credential that `secrets` lacks
 */
export async function environmentOf(
  unit: string,
  folder: string,
  secrets: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  await mkdir(folder, { recursive: true });
  for (const [name, path] of valuesOf(unit, "LoadCredential").map((one) => one.split(":"))) {
    const secret = secrets[basename(path!)];
    if (secret === undefined) throw new Error(`nothing for ${path}`);
    await writeFile(join(folder, name!), `${secret}\n`);
  }
  const pairs = valuesOf(unit, "Environment").map((one) => /^([^=]+)=(.*)$/.exec(one)!);
  return Object.fromEntries(pairs.map(([, name, value]) => [name!, value!.replace("%d", folder)]));
}
