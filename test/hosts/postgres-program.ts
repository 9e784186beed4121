import { readdir, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { onPath } from "./process.ts";

/** Where Debian puts its programs, beside PATH. */
const DEBIAN = "/usr/lib/postgresql";

/** Why PostgreSQL can't be run here; undefined if it can. */
export async function postgresMissing(): Promise<string | undefined> {
  if ((await folderOfPrograms()) === undefined)
    return `no postgres on PATH or in ${DEBIAN} (Debian: postgresql)`;
  // It refuses to run as root.
  if (process.getuid?.() === 0 && !(await onPath("setpriv")))
    return "no setpriv on PATH to run it as somebody else";
  return undefined;
}

/** The folder with initdb, postgres and psql. */
export async function postgresPrograms(): Promise<string> {
  const folder = await folderOfPrograms();
  if (folder === undefined) throw new Error((await postgresMissing()) ?? "");
  return folder;
}

async function folderOfPrograms(): Promise<string | undefined> {
  const onItsPath = await onPath("postgres");
  // A link to one of the programs has not the others beside it.
  if (onItsPath) return dirname(await realpath(onItsPath));
  const versions = await readdir(DEBIAN).catch(() => []);
  const newest = versions.sort((one, other) => Number(other) - Number(one))[0];
  return newest && join(DEBIAN, newest, "bin");
}
