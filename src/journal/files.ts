/**
 * The file operations that the journal needs, and no more: passed in, so that tests make a disk full, slow or
 * broken. Callbacks instead of fs/promises, because a FileHandle doubles the cost of a small write.
 */
import fs from "node:fs";
import fsp from "node:fs/promises";
import { dirname } from "node:path";

/** One open file. Nothing here moves a shared position. */
export interface OpenFile {
  /** Fewer bytes than asked for at the end of the file; 0 behind it. */
  read(into: Buffer, at: number, bytes: number, position: number): Promise<number>;
  /** May write fewer bytes than it was given, as the system call may. */
  write(buffers: readonly Buffer[], position: number): Promise<number>;
  /** fdatasync; nothing is left to do for it where each write waits for the disk. */
  sync(): Promise<void>;
  truncate(size: number): Promise<void>;
  close(): Promise<void>;
  stat(): Promise<FileFacts>;
}

interface FileFacts {
  readonly size: number;
  readonly modifiedMs: number;
  /** Tells a file from another that later took its name. */
  readonly inode: number;
}

type OpenFlags = "r" | "r+" | "wx+" | "w";

export interface Files {
  /**
   * `r` read, `r+` read and write what exists, `wx+` create what must not exist, `w` create anew. Mode 0600.
   * @param throughToDisk each write is on disk when it resolves, where the system can do that
   */
  open(path: string, flags: OpenFlags, throughToDisk?: boolean): Promise<OpenFile>;
  /** Names in a folder; none when there is no folder. */
  list(folder: string): Promise<string[]>;
  /** null when there is no such file. */
  stat(path: string): Promise<FileFacts | null>;
  remove(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Makes the folder and those above it, mode 0700. */
  makeFolder(folder: string): Promise<void>;
  /** Makes the names in a folder durable. */
  syncFolder(folder: string): Promise<void>;
}

const { O_RDWR, O_CREAT, O_EXCL, O_DSYNC } = fs.constants;
/**
 * Of Linux (linux/magic.h): ext4, XFS, Btrfs, tmpfs, overlayfs. With O_DSYNC a write does there what a write and an
 * fdatasync behind it do (open(2)), and the thread that makes it is asked once. Others may not: an SMB client drops the flag
 * of a file that it creates, a FUSE daemon may ignore it. Elsewhere than on Linux libuv's fdatasync does more.
 */
const writesThrough: ReadonlySet<number> = new Set([0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630]);

async function canWriteThrough(file: string): Promise<boolean> {
  if (process.platform !== "linux") return false;
  return writesThrough.has((await fsp.statfs(dirname(file))).type);
}

export const nodeFiles: Files = {
  async open(path, flags, throughToDisk = false) {
    const through = throughToDisk && flags === "wx+" && (await canWriteThrough(path));
    const opened = through ? O_RDWR | O_CREAT | O_EXCL | O_DSYNC : flags;
    let fd = await call<number>((done) => fs.open(path, opened, 0o600, done));
    return {
      read: (into, at, bytes, position) =>
        call<number>((done) => fs.read(fd, into, at, bytes, position, done)),
      write: (buffers, position) =>
        call<number>((done) =>
          buffers.length === 1
            ? fs.write(fd, buffers[0]!, 0, buffers[0]!.length, position, done)
            : fs.writev(fd, buffers, position, done),
        ),
      sync: () => (through ? Promise.resolve() : call<void>((done) => fs.fdatasync(fd, done))),
      truncate: (size) => call<void>((done) => fs.ftruncate(fd, size, done)),
      close() {
        // The system gives the number to the next file; whoever still calls here must not reach that one.
        const closing = fd;
        fd = -1;
        return call<void>((done) => fs.close(closing, done));
      },
      stat: async () => factsOf(await call<fs.Stats>((done) => fs.fstat(fd, done))),
    };
  },
  list: (folder) => absentAs([], fsp.readdir(folder)),
  stat: async (path) => {
    const stats = await absentAs(null, fsp.stat(path));
    return stats && factsOf(stats);
  },
  remove: (path) => absentAs(undefined, fsp.unlink(path)),
  rename: (from, to) => fsp.rename(from, to),
  makeFolder: async (folder) => void (await fsp.mkdir(folder, { recursive: true, mode: 0o700 })),
  async syncFolder(folder) {
    // Windows cannot open a folder; NTFS journals names by itself.
    if (process.platform === "win32") return;
    const handle = await fsp.open(folder, "r");
    await handle.sync().finally(() => handle.close());
  },
};

/** Puts a small file in place whole or not at all, also over a crash. */
export async function replaceFile(files: Files, path: string, content: string): Promise<void> {
  const next = `${path}.tmp`;
  const file = await files.open(next, "w");
  try {
    await writeWhole(file, [Buffer.from(content)], 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await files.rename(next, path);
}

/** Writes all of `buffers`, also where the system takes them in pieces. */
export async function writeWhole(
  file: OpenFile,
  buffers: readonly Buffer[],
  position: number,
): Promise<void> {
  let left = buffers;
  let at = position;
  while (left.length > 0) {
    let written = await file.write(left, at);
    if (written === 0) throw Object.assign(new Error("the disk took none of a write"), { code: "EIO" });
    at += written;
    let whole = 0;
    while (whole < left.length && written >= left[whole]!.length) written -= left[whole++]!.length;
    left = whole === left.length ? [] : [left[whole]!.subarray(written), ...left.slice(whole + 1)];
  }
}

/** The text of a small file, or null when there is none. */
export async function readSmallFile(files: Files, path: string, maxBytes: number): Promise<string | null> {
  const file = await absentAs(null, files.open(path, "r"));
  if (!file) return null;
  try {
    const bytes = Buffer.alloc(maxBytes);
    return bytes.toString("utf8", 0, await file.read(bytes, 0, maxBytes, 0));
  } finally {
    await file.close();
  }
}

/** The system's code of a failed call, `ENOSPC`. */
export function systemCode(thrown: unknown): string | undefined {
  return (thrown as NodeJS.ErrnoException | null)?.code;
}

export async function absentAs<T, U>(instead: U, found: Promise<T>): Promise<T | U> {
  try {
    return await found;
  } catch (thrown) {
    if (systemCode(thrown) === "ENOENT") return instead;
    throw thrown;
  }
}

function factsOf(stats: fs.Stats): FileFacts {
  return { size: stats.size, modifiedMs: stats.mtimeMs, inode: stats.ino };
}

function call<T>(start: (done: (error: Error | null, value?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => (error ? reject(error) : resolve(value as T)));
  });
}
