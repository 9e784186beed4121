/**
 * What a power loss would leave of a data directory, noted beside it while the process runs.
 *
 *   content/<id>        a file's bytes as far as a sync of it has completed
 *   lost/<id>.json      ranges that a failed sync took for written: no later sync brings them to the disk, until
 *                       they are written again ("fsyncgate", 2018)
 *   names/<folder>.json the names in a folder when it was last synced, each with the id of its file
 *
 * The worst that POSIX allows is what counts: a name that was made, moved or removed without a sync of its folder
 * is as it was before. Everything is written with plain synchronous calls, so kill -9 loses nothing of it. What the
 * process before wrote and did not sync is still in the kernel's hands: the first sync of this one covers it.
 *
 * An id is inode and birth time, so a file keeps it when it is renamed and a new one gets its own.
 */
import fs from "node:fs";
import path from "node:path";
import { including, type Range, without } from "./ranges.ts";

/** Folders and files of a data directory that are written through nodeFiles. */
export function isNoted(dataDir: string, file: string): boolean {
  return /^(?:(?:instance|cursor\.json)(?:\.tmp)?|journal(?:\/.*)?)$/.test(path.relative(dataDir, file));
}

/** What has happened to a file since it was last synced; one per file and thread. */
interface Unsynced {
  dirty: readonly Range[];
  /** The least size that it has been cut to. */
  low: number;
  lost: readonly Range[];
}

export type Names = Readonly<Record<string, string>>;

export class Shadow {
  readonly #folder: string;
  readonly #dataDir: string;
  readonly #unsynced = new Map<string, Unsynced>();

  constructor(folder: string, dataDir: string) {
    this.#folder = folder;
    this.#dataDir = dataDir;
    for (const name of ["content", "lost", "names"]) {
      fs.mkdirSync(path.join(folder, name), { recursive: true });
    }
  }

  /** Takes all that stands there for durable, unless there are notes of it. */
  adopt(): void {
    if (fs.existsSync(this.#namesFile(this.#dataDir))) return;
    for (const folder of notedFolders(this.#dataDir)) {
      const names = this.#listed(folder);
      this.#saveNames(folder, names);
      for (const [name, id] of Object.entries(names)) {
        const file = path.join(folder, name);
        if (fs.statSync(file).isFile()) fs.copyFileSync(file, this.contentFile(id));
      }
    }
  }

  /** To be asked before the file is opened for writing. */
  exists(file: string): boolean {
    return fs.existsSync(file);
  }

  /** For a file that has just been opened for writing. */
  opened(file: string, how: "created" | "emptied" | "as it was"): NotedFile {
    const fd = fs.openSync(file, "r");
    const id = idOf(fs.fstatSync(fd, { bigint: true }));
    if (how === "created") this.#forget(id);
    const unsynced = this.#unsynced.get(id) ?? this.#stateOf(id, how);
    this.#unsynced.set(id, unsynced);
    if (how === "emptied") Object.assign(unsynced, { dirty: [], low: 0 });
    fs.closeSync(fs.openSync(this.contentFile(id), "a"));
    return new NotedFile(fd, unsynced, {
      content: this.contentFile(id),
      saveLost: (lost) => fs.writeFileSync(this.#lostFile(id), JSON.stringify(lost)),
    });
  }

  /** To be called before a name goes away or to another file; the returned function, when it has. */
  replacing(file: string): () => void {
    const stats = fs.statSync(file, { bigint: true, throwIfNoEntry: false });
    if (!stats) return () => {};
    const id = idOf(stats);
    return () => {
      const durable = Object.values(this.names(path.dirname(file)) ?? {});
      if (!durable.includes(id)) this.#forget(id);
    };
  }

  /** To be called before a folder is synced; the returned function, when it has been. */
  syncingFolder(folder: string): () => void {
    const names = this.#listed(folder);
    return () => {
      const before = Object.values(this.names(folder) ?? {});
      this.#saveNames(folder, names);
      const kept = new Set(Object.values(names));
      for (const id of before) if (!kept.has(id)) this.#forget(id);
    };
  }

  /** null when it has never been synced. */
  names(folder: string): Names | null {
    const file = this.#namesFile(folder);
    return fs.existsSync(file) ? (JSON.parse(fs.readFileSync(file, "utf8")) as Names) : null;
  }

  contentFile(id: string): string {
    return path.join(this.#folder, "content", id);
  }

  /** Forgets all notes. */
  clear(): void {
    for (const folder of ["content", "lost", "names"]) {
      for (const name of fs.readdirSync(path.join(this.#folder, folder))) {
        fs.rmSync(path.join(this.#folder, folder, name));
      }
    }
  }

  #stateOf(id: string, how: "created" | "emptied" | "as it was"): Unsynced {
    const file = this.#lostFile(id);
    const lost = fs.existsSync(file) ? (JSON.parse(fs.readFileSync(file, "utf8")) as Range[]) : [];
    const all = how === "as it was" ? [{ from: 0, to: Number.MAX_SAFE_INTEGER }] : [];
    const dirty = lost.reduce<Range[]>(without, all);
    return { dirty, low: Number.POSITIVE_INFINITY, lost };
  }

  #listed(folder: string): Names {
    const names: Record<string, string> = {};
    for (const name of fs.existsSync(folder) ? fs.readdirSync(folder) : []) {
      const file = path.join(folder, name);
      const stats = fs.statSync(file, { bigint: true, throwIfNoEntry: false });
      if (stats && isNoted(this.#dataDir, file)) names[name] = idOf(stats);
    }
    return names;
  }

  #forget(id: string): void {
    this.#unsynced.delete(id);
    fs.rmSync(this.contentFile(id), { force: true });
    fs.rmSync(this.#lostFile(id), { force: true });
  }

  #saveNames(folder: string, names: Names): void {
    const file = this.#namesFile(folder);
    fs.writeFileSync(`${file}.next`, JSON.stringify(names));
    fs.renameSync(`${file}.next`, file);
  }

  #namesFile(folder: string): string {
    return path.join(this.#folder, "names", `${encodeURIComponent(path.resolve(folder))}.json`);
  }

  #lostFile(id: string): string {
    return path.join(this.#folder, "lost", `${id}.json`);
  }
}

interface Notes {
  readonly content: string;
  readonly saveLost: (lost: readonly Range[]) => void;
}

/** A file that is open for writing. */
export class NotedFile {
  #fd: number;
  readonly #unsynced: Unsynced;
  readonly #notes: Notes;

  constructor(fd: number, unsynced: Unsynced, notes: Notes) {
    this.#fd = fd;
    this.#unsynced = unsynced;
    this.#notes = notes;
  }

  wrote(position: number, bytes: number): void {
    const range = { from: position, to: position + bytes };
    this.#unsynced.dirty = including(this.#unsynced.dirty, range);
    if (this.#unsynced.lost.length > 0) this.#lose(without(this.#unsynced.lost, range));
  }

  truncated(size: number): void {
    const cut = { from: size, to: Number.MAX_SAFE_INTEGER };
    this.#unsynced.low = Math.min(this.#unsynced.low, size);
    this.#unsynced.dirty = without(this.#unsynced.dirty, cut);
    if (this.#unsynced.lost.length > 0) this.#lose(without(this.#unsynced.lost, cut));
  }

  /** To be called before a sync: what it covers is what was written until now. */
  syncing(): { readonly done: () => void; readonly failed: () => void } {
    const { dirty, low } = this.#unsynced;
    const { size } = fs.fstatSync(this.#fd);
    const pieces = without(dirty, { from: size, to: Number.MAX_SAFE_INTEGER }).map((range) => {
      const bytes = Buffer.allocUnsafe(range.to - range.from);
      const read = fs.readSync(this.#fd, bytes, 0, bytes.length, range.from);
      return { ...range, bytes: bytes.subarray(0, read) };
    });
    Object.assign(this.#unsynced, { dirty: [], low: Number.POSITIVE_INFINITY });
    return {
      done: () => this.#keep(pieces, low, size),
      failed: () => {
        this.#unsynced.low = Math.min(this.#unsynced.low, low);
        this.#lose(pieces.map(({ from, to }) => ({ from, to })).reduce(including, [...this.#unsynced.lost]));
      },
    };
  }

  close(): void {
    // As in nodeFiles: the number goes to another file.
    const closing = this.#fd;
    this.#fd = -1;
    fs.closeSync(closing);
  }

  #keep(pieces: readonly (Range & { readonly bytes: Buffer })[], low: number, size: number): void {
    // A file that was removed meanwhile has no content to keep.
    if (!fs.existsSync(this.#notes.content)) return;
    const fd = fs.openSync(this.#notes.content, "r+");
    if (fs.fstatSync(fd).size > low) fs.ftruncateSync(fd, low);
    for (const { from, bytes } of pieces) fs.writeSync(fd, bytes, 0, bytes.length, from);
    if (fs.fstatSync(fd).size !== size) fs.ftruncateSync(fd, size);
    fs.closeSync(fd);
  }

  #lose(lost: readonly Range[]): void {
    this.#unsynced.lost = lost;
    this.#notes.saveLost(lost);
  }
}

/** The data directory and all folders below it that hold what is noted. */
export function notedFolders(dataDir: string): string[] {
  const below = (folder: string): string[] =>
    !fs.existsSync(folder)
      ? []
      : fs
          .readdirSync(folder, { withFileTypes: true })
          .filter((entry) => entry.isDirectory())
          .flatMap(({ name }) => [path.join(folder, name), ...below(path.join(folder, name))]);
  return [dataDir, ...below(dataDir).filter((folder) => isNoted(dataDir, folder))];
}

export function idOf({ ino, birthtimeNs }: fs.BigIntStats): string {
  if (birthtimeNs === 0n) throw new Error("this file system keeps no birth times");
  return `${ino}-${birthtimeNs}`;
}
