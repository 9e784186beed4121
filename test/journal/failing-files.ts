/** The real disk, made full, broken, hanging or stingy at the moment a test wants it. */
import { type Files, nodeFiles, type OpenFile } from "../../src/journal/files.ts";

/** `through` fails a write that waits for the disk when all of its bytes stand in the file. */
type Operation = "open" | "write" | "through" | "sync" | "truncate" | "remove";

export class FailingFiles implements Files {
  /** Bytes that a single write takes at most. */
  shortWriteBytes = Infinity;
  /** Paths written, synced and so on, in order: `sync 0000000000000001.log`. */
  readonly done: string[] = [];
  #codes = new Map<string, string>();
  #freeBytes = Infinity;
  #held: { operation: Operation; reached: () => void; release: Promise<void> } | null = null;

  /** From now on `operation` on segments (or the gap file) fails so, until mended. */
  fail(operation: Operation, code: string, file: "segment" | "gap" = "segment"): void {
    this.#codes.set(`${operation} ${file}`, code);
  }

  /** The disk has so many bytes left for segments; the write that needs more takes what there is. */
  fill(freeBytes: number): void {
    this.#freeBytes = freeBytes;
  }

  /** Makes all work again, or one operation on segments. */
  mend(operation?: Operation): void {
    if (operation) this.#codes.delete(`${operation} segment`);
    else this.#codes.clear();
    this.#freeBytes = Infinity;
  }

  /** The next such operation on a segment hangs; `reached` resolves when it has begun. */
  hold(operation: Operation): { reached: Promise<void>; release: () => void } {
    const reached = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    this.#held = { operation, reached: reached.resolve, release: release.promise };
    return { reached: reached.promise, release: release.resolve };
  }

  async open(...[path, flags, throughToDisk]: Parameters<Files["open"]>): Promise<OpenFile> {
    if (flags === "wx+") await this.#before("open", path);
    const file = await nodeFiles.open(path, flags, throughToDisk);
    return {
      read: file.read,
      stat: file.stat,
      close: file.close,
      write: async (buffers, position) => {
        await this.#before("write", path);
        const written = await file.write(this.#accepted(buffers, path), position);
        const code = throughToDisk && path.endsWith(".log") && this.#codes.get("through segment");
        if (code) throw failure(code);
        return written;
      },
      sync: async () => {
        await this.#before("sync", path);
        await file.sync();
      },
      truncate: async (size) => {
        await this.#before("truncate", path);
        await file.truncate(size);
      },
    };
  }

  async remove(path: string): Promise<void> {
    await this.#before("remove", path);
    await nodeFiles.remove(path);
  }

  list = nodeFiles.list;
  stat = nodeFiles.stat;
  rename = nodeFiles.rename;
  makeFolder = nodeFiles.makeFolder;

  async syncFolder(folder: string): Promise<void> {
    await this.#before("sync", folder);
    await nodeFiles.syncFolder(folder);
  }

  async #before(operation: Operation, path: string): Promise<void> {
    const kind = path.endsWith(".log") ? "segment" : path.endsWith("gap") ? "gap" : "other";
    this.done.push(`${operation} ${path.slice(path.lastIndexOf("/") + 1)}`);
    if (kind === "segment" && this.#held?.operation === operation) {
      const { reached, release } = this.#held;
      this.#held = null;
      reached();
      await release;
    }
    const code = this.#codes.get(`${operation} ${kind}`);
    if (code) throw failure(code);
  }

  #accepted(buffers: readonly Buffer[], path: string): readonly Buffer[] {
    const bytes = Buffer.concat(buffers);
    if (!path.endsWith(".log")) return [bytes];
    if (this.#freeBytes === 0) throw failure("ENOSPC");
    const taken = bytes.subarray(0, Math.min(this.shortWriteBytes, this.#freeBytes));
    this.#freeBytes -= taken.length;
    return [taken];
  }
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: made by the test`), { code });
}
