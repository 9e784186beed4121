/**
 * One writer per data directory. Node has no flock, and a PID file says nothing across containers; a write
 * transaction on a SQLite file is a lock that the kernel drops with the process, however it ends.
 *
 *   free ──lockDataDir──▶ held ──release, or the end of the process──▶ free
 */
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { SluiceError, textOf } from "../errors.ts";
import { systemCode } from "./files.ts";

const sqliteBusy = 5;
/** Whoever drops the lock still holds it: a database that nobody refers to would be closed with the garbage. */
const held = new Set<DatabaseSync>();

export interface DirLock {
  release(): void;
}

/**
 * Takes the lock or fails at once; makes the directory when it is not there.
 * @throws SluiceError data_dir_in_use, data_dir_unusable
 */
export function lockDataDir(dataDir: string): DirLock {
  const file = path.join(dataDir, "lock.sqlite");
  try {
    makeFolder(dataDir);
    makeOnce(file);
    const database = new DatabaseSync(file, { timeout: 0 });
    try {
      // Not EXCLUSIVE, which waits for readers: of two at once each would find the other, and none would have it.
      database.exec("BEGIN IMMEDIATE");
    } catch (thrown) {
      database.close();
      throw thrown;
    }
    held.add(database);
    return {
      release() {
        held.delete(database);
        if (database.isOpen) database.close();
      },
    };
  } catch (thrown) {
    if ((thrown as { errcode?: number }).errcode === sqliteBusy) throw inUse(dataDir, file, thrown);
    const text =
      `data.dir (SLUICE_DATA_DIR) names ${dataDir}, which cannot be used (${textOf(thrown)}): ` +
      "name a folder that the bridge's user can make or write";
    throw new SluiceError("data_dir_unusable", text, { cause: thrown });
  }
}

/** Level by level: Node's own recursive mkdir never comes back from a place such as /proc/x/y. */
function makeFolder(folder: string): void {
  if (fs.existsSync(folder)) return;
  makeFolder(path.dirname(folder));
  try {
    fs.mkdirSync(folder, { mode: 0o700 });
  } catch (thrown) {
    if (systemCode(thrown) !== "EEXIST") throw thrown;
  }
}

/** SQLite would make it readable for all. A file that is there stays unopened: closing it would drop our own lock. */
function makeOnce(file: string): void {
  try {
    fs.closeSync(fs.openSync(file, "wx", 0o600));
  } catch (thrown) {
    if (systemCode(thrown) !== "EEXIST") throw thrown;
  }
}

function inUse(dataDir: string, file: string, cause: unknown): SluiceError {
  const pid = lockHolder(file);
  return new SluiceError(
    "data_dir_in_use",
    `data.dir (SLUICE_DATA_DIR) names ${dataDir}, in which another process works${pid === null ? "" : ` (pid ${pid})`}: ` +
      "stop it, or give this one a folder of its own",
    { cause },
  );
}

/** Linux tells it; null elsewhere, and of what runs in a container that we cannot look into. */
function lockHolder(file: string): number | null {
  try {
    const { ino } = fs.statSync(file);
    const held = fs
      .readFileSync("/proc/locks", "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/));
    const [, , , , pid] =
      held.find(([, , , kind, , place]) => kind === "WRITE" && place?.endsWith(`:${ino}`)) ?? [];
    return Number(pid) > 0 && Number(pid) !== process.pid ? Number(pid) : null;
  } catch {
    return null;
  }
}
