/**
 * The segment that is being written.
 *
 *   trusted ──a write fails for want of space, and is cut off again──▶ trusted
 *      └─────a sync fails, or a write for any other reason──▶ doubtful: the next records go elsewhere
 *
 * A failed fdatasync may have dropped the written pages and the next one would report success for what is gone
 * ("fsyncgate", 2018), so nothing that was not durable before is believed afterwards. Where each write goes through to
 * the disk, all before it is durable: one that finds no room there is cut off like any other.
 */
import { type Files, type OpenFile, systemCode, writeWhole } from "./files.ts";
import { renderHeader, type SegmentHeader, segmentPath } from "./segment.ts";

/** Codes that say there is no room; the file itself is sound. */
const noRoom = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

export function isNoRoom(thrown: unknown): boolean {
  return noRoom.has(systemCode(thrown) ?? "");
}

export class SegmentFile {
  readonly first: number;
  readonly path: string;
  readonly createdMs: number;
  /** Bytes that were written as a whole. */
  size: number;
  trusted = true;
  readonly #headerBytes: number;
  readonly #files: Files;
  readonly #folder: string;
  readonly #file: OpenFile;
  #durable: number;
  #named = false;

  private constructor(
    files: Files,
    folder: string,
    file: OpenFile,
    first: number,
    size: number,
    nowMs: number,
  ) {
    this.#files = files;
    this.#folder = folder;
    this.#file = file;
    this.first = first;
    this.path = segmentPath(folder, first);
    this.createdMs = nowMs;
    this.size = this.#headerBytes = this.#durable = size;
  }

  /**
   * Takes the place of a file of that name: it can only be one that was begun for the same records and failed,
   * since recovery numbers above the name of every segment it finds.
   */
  static async create(
    files: Files,
    folder: string,
    header: SegmentHeader,
    nowMs: number,
    throughToDisk: boolean,
  ): Promise<SegmentFile> {
    const path = segmentPath(folder, header.first);
    await files.remove(path);
    const file = await files.open(path, "wx+", throughToDisk);
    const line = renderHeader(header);
    try {
      await writeWhole(file, [line], 0);
    } catch (thrown) {
      await file.close().catch(() => {});
      await files.remove(path).catch(() => {});
      throw thrown;
    }
    return new SegmentFile(files, folder, file, header.first, line.length, nowMs);
  }

  get hasRecords(): boolean {
    return this.size > this.#headerBytes;
  }

  get hasDurableRecords(): boolean {
    return this.#durable > this.#headerBytes;
  }

  async write(buffers: readonly Buffer[], bytes: number): Promise<void> {
    try {
      await writeWhole(this.#file, buffers, this.size);
      this.size += bytes;
    } catch (thrown) {
      this.trusted = isNoRoom(thrown) && (await this.#cutTo(this.size));
      throw thrown;
    }
  }

  /** Makes what was written durable, and the file's name with the first of it. */
  async sync(): Promise<void> {
    const size = this.size;
    try {
      await this.#file.sync();
      if (!this.#named) await this.#files.syncFolder(this.#folder);
    } catch (thrown) {
      this.trusted = false;
      throw thrown;
    }
    this.#named = true;
    this.#durable = size;
  }

  /**
   * Leaves what is durable and cuts the rest off; where that fails too, the records there are repeated in the next
   * segment and the reader passes over the second ones.
   */
  async abandon(): Promise<void> {
    if (await this.#cutTo(this.#durable)) this.size = this.#durable;
    await this.#file.close().catch(() => {});
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #cutTo(size: number): Promise<boolean> {
    return this.#file.truncate(size).then(
      () => true,
      () => false,
    );
  }
}
