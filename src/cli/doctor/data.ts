/** The data directory: whether the bridge can write there, enough, and fast enough. Nothing is left behind. */
import { constants } from "node:fs";
import { access, open, readdir, readFile, stat, statfs, unlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Clock } from "../../clock.ts";
import type { Settings } from "../../config/settings.ts";
import { textOf } from "../../errors.ts";
import { systemCode } from "../../journal/files.ts";
import { type Finding, green, red, yellow } from "./finding.ts";

/** About the line of an event. */
const recordBytes = 1_024;
const syncs = 40;
/** Of what a caller waits for at most. */
const slowShare = 0.1;

export async function dataFindings(settings: Settings, clock: Clock): Promise<Finding[]> {
  const dir = resolve(settings.data.dir);
  const there = await nearest(dir);
  const folder = await folderFinding(dir, there);
  if (folder.level === "red") return [folder];
  const findings = [folder, await spaceFinding(dir, there, settings)];
  if (there !== dir) return findings;
  return [
    ...findings,
    await speedFinding(dir, settings, clock),
    ...(await lockFinding(dir)),
    await clockFinding(dir, clock),
  ];
}

/** The folder itself, or the first above it that is there. */
async function nearest(dir: string): Promise<string> {
  for (let at = dir; ; at = dirname(at)) {
    if (at === dirname(at)) return at;
    try {
      await stat(at);
      return at;
    } catch (thrown) {
      if (systemCode(thrown) !== "ENOENT") return at;
    }
  }
}

async function folderFinding(dir: string, there: string): Promise<Finding> {
  const what = "folder";
  const uid = process.getuid?.();
  const own = `give it to the bridge's user, or name another in data.dir (SLUICE_DATA_DIR)`;
  try {
    const { uid: owner, mode } = await stat(there);
    if (!(await stat(there)).isDirectory()) return red(what, `${there} is no folder`, own);
    await access(there, constants.W_OK | constants.X_OK);
    if (there !== dir) return green(what, `${dir} is not there yet; it can be made in ${there}`);
    if (uid !== undefined && owner !== uid) {
      const seen = `${dir} is owned by user ${owner}, and this is user ${uid}`;
      return yellow(what, seen, `run the doctor as the user of the bridge, such as by sudo -u '#${owner}'`);
    }
    if (process.platform !== "win32" && (mode & 0o077) !== 0) {
      const seen = `${dir} can be written; other users may look into it (mode ${(mode & 0o777).toString(8)})`;
      return yellow(what, seen, `events tell who connects from where: chmod 700 ${dir}`);
    }
    return green(what, `${dir} can be written, owned by ${uid === undefined ? "you" : `user ${uid}`}`);
  } catch (thrown) {
    const verb = there === dir ? "cannot be written" : `cannot be made in ${there}`;
    return red(what, `${dir} ${verb}: ${systemCode(thrown) ?? textOf(thrown)}`, own);
  }
}

async function spaceFinding(dir: string, there: string, { journal }: Settings): Promise<Finding> {
  const { bavail, bsize } = await statfs(there);
  const free = bavail * bsize;
  const used = await bytesIn(join(dir, "journal"));
  const needed = Math.max(0, journal.maxBytes - used);
  const seen = `${sizeText(free)} free, and the journal may take ${sizeText(needed)} more (journal.maxBytes ${sizeText(journal.maxBytes)})`;
  if (free < 2 * journal.segmentBytes) {
    return red("space", seen, "make room now: a journal that cannot write decides by journal.onFailure");
  }
  return free < needed
    ? yellow(
        "space",
        seen,
        "make room, or lower journal.maxBytes: it is full before the journal knows its bound",
      )
    : green("space", seen);
}

async function bytesIn(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const sizes = names.map((name) =>
    stat(join(folder, name)).then(
      ({ size }) => size,
      () => 0,
    ),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

async function speedFinding(dir: string, { http, journal }: Settings, clock: Clock): Promise<Finding> {
  const what = "fdatasync";
  try {
    const times = await syncTimes(dir, clock);
    const median = times[times.length >> 1]!;
    const worst = times.at(-1)!;
    const seen = `of ${recordBytes} bytes: median ${msText(median)}, worst of ${syncs} ${msText(worst)}`;
    const next = `use a local SSD for data.dir: an op waits for one, at most ${http.deadlineMs} ms (http.deadlineMs)`;
    if (worst >= http.deadlineMs * 0.9 && journal.sync === "fsync") return red(what, seen, next);
    return worst >= http.deadlineMs * slowShare ? yellow(what, seen, next) : green(what, seen);
  } catch (thrown) {
    const next = "see what the disk says (dmesg): the journal could not write either";
    return red(what, `a file in ${dir} cannot be written: ${systemCode(thrown) ?? textOf(thrown)}`, next);
  }
}

/** Sorted, in milliseconds. */
async function syncTimes(dir: string, clock: Clock): Promise<number[]> {
  const path = join(dir, `.doctor-${process.pid}`);
  const file = await open(path, "wx", 0o600);
  try {
    // It is gone at once, so that nothing stays if we are killed; Windows keeps it until it is closed.
    if (process.platform !== "win32") await unlink(path);
    const record = Buffer.alloc(recordBytes, "x");
    const times: number[] = [];
    for (let at = 0; at < syncs; at++) {
      const beganMs = clock.monotonic();
      await file.write(record, 0, recordBytes, at * recordBytes);
      await file.datasync();
      times.push(clock.monotonic() - beganMs);
    }
    return times.sort((a, b) => a - b);
  } finally {
    await file.close();
    if (process.platform === "win32") await unlink(path);
  }
}

/** Where SQLite locks a file for a writer (its file format, "Locking"). */
const reservedByte = 0x40000001;

/** Told by the kernel, since whoever tried the lock would hold it for a moment; nowhere but on Linux. */
async function lockFinding(dir: string): Promise<Finding[]> {
  const locks = await readFile("/proc/locks", "utf8").catch(() => null);
  const inode = await stat(join(dir, "lock.sqlite")).then(
    ({ ino }) => ino,
    () => null,
  );
  if (locks === null) return [];
  const holder = locks
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .find((words) => words.some((word) => word.endsWith(`:${inode}`)) && coversReserved(words));
  if (holder === undefined) return [green("lock", "nobody holds it, as far as can be seen from here")];
  const pid = holder[holder.findIndex((word) => word.endsWith(`:${inode}`)) - 1];
  return [green("lock", `held by process ${pid}: a bridge runs here`)];
}

function coversReserved(words: readonly string[]): boolean {
  const [from, to] = words.slice(-2);
  return (
    words.includes("WRITE") && Number(from) <= reservedByte && (to === "EOF" || Number(to) >= reservedByte)
  );
}

/** A clock that stepped back is seen by files of a time to come. */
async function clockFinding(dir: string, clock: Clock): Promise<Finding> {
  const what = "clock";
  const folders = [dir, join(dir, "journal")];
  const times = await Promise.all(
    folders.map(async (folder) => {
      const names = await readdir(folder).catch(() => []);
      return Promise.all(
        names.map((name) =>
          stat(join(folder, name)).then(
            ({ mtimeMs }) => mtimeMs,
            () => 0,
          ),
        ),
      );
    }),
  );
  const now = new Date(clock.now()).toISOString();
  const aheadMs = Math.max(0, ...times.flat()) - clock.now();
  if (aheadMs < 60_000) return green(what, now);
  const seen = `${now}, and files in data.dir are ${Math.round(aheadMs / 1000)} s ahead of it`;
  return yellow(
    what,
    seen,
    "was the clock set back? Let NTP keep it: rules end, and events are dated, by it",
  );
}

function sizeText(bytes: number): string {
  const [size, unit] =
    bytes >= 1024 ** 3 ? [1024 ** 3, "GiB"] : bytes >= 1024 ** 2 ? [1024 ** 2, "MiB"] : [1024, "KiB"];
  return `${(bytes / size).toFixed(1).replace(/\.0$/, "")} ${unit}`;
}

function msText(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}
