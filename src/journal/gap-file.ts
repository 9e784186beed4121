/**
 * A note on disk of what is being lost, for the case that the process is killed before it can say so itself.
 *
 *   clear ──save(note)──▶ set ──save(null)──▶ clear
 *
 * Guarantee: its 4 KiB are allocated while there is room and overwritten in place ever after, so setting it works
 * on a full disk and survives kill -9. (On a file system that never writes in place, such as Btrfs or ZFS, a full
 * disk can refuse it; the log line then stands alone.) A note that cannot be read counts as set.
 */
import path from "node:path";
import { crc32c } from "./crc32c.ts";
import { absentAs, type Files, type OpenFile, writeWhole } from "./files.ts";
import type { Loss } from "./journal.ts";
import { mergeOnce } from "./losses.ts";

const fileBytes = 4096;
const checksumChars = 9;

export interface GapNote {
  readonly epoch: string;
  /** Losses that are known as a whole. */
  readonly losses: readonly Loss[];
  /** What waits in memory, or will: lost if this process ends now. */
  readonly open: OpenGap | null;
  /** Numbers up to this one count as given: the next epoch goes on behind it. */
  readonly taken: number;
}

export interface OpenGap {
  readonly cause: Loss["cause"];
  readonly journalseq: Loss["journalseq"];
  readonly topics: Loss["topics"];
}

export class GapFile {
  readonly #file: OpenFile;
  #next: GapNote | null | undefined;
  #saving: Promise<void> | null = null;

  private constructor(file: OpenFile) {
    this.#file = file;
  }

  static async open(
    files: Files,
    folder: string,
  ): Promise<{ file: GapFile; found: GapNote | "unreadable" | null }> {
    const name = path.join(folder, "gap");
    const before = await absentAs(null, files.open(name, "r+"));
    const opened = before ?? (await files.open(name, "wx+"));
    const bytes = Buffer.alloc(fileBytes);
    const length = await opened.read(bytes, 0, fileBytes, 0);
    const file = new GapFile(opened);
    if (length === fileBytes) return { file, found: parse(bytes) };
    await file.save(null);
    await files.syncFolder(folder);
    return { file, found: null };
  }

  /** Resolves when this note, or a later one, is on disk. */
  save(note: GapNote | null): Promise<void> {
    this.#next = note;
    this.#saving ??= this.#saveAll().finally(() => {
      this.#saving = null;
    });
    return this.#saving;
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #saveAll(): Promise<void> {
    while (this.#next !== undefined) {
      const bytes = render(this.#next);
      this.#next = undefined;
      await writeWhole(this.#file, [bytes], 0);
      await this.#file.sync();
    }
  }
}

function render(note: GapNote | null): Buffer {
  const text = fitting(note);
  const bytes = Buffer.alloc(fileBytes, " ");
  bytes.write(text, checksumChars);
  bytes[fileBytes - 1] = 0x0a;
  const checksum = crc32c(bytes, checksumChars);
  bytes.write(`${checksum.toString(16).padStart(8, "0")}\t`, 0);
  return bytes;
}

/** Says it in fewer words until it fits: with wider spans, then without topics, at last without the oldest. */
function fitting(note: GapNote | null): string {
  const text = JSON.stringify(note);
  if (note === null || Buffer.byteLength(text) <= fileBytes - checksumChars - 1) return text;
  const losses = mergeOnce(note.losses);
  if (losses) return fitting({ ...note, losses });
  const bare = <T extends object>(from: T): T => ({ ...from, topics: {} });
  const withoutTopics = { ...note, open: note.open && bare(note.open), losses: note.losses.map(bare) };
  if (JSON.stringify(withoutTopics) !== text) return fitting(withoutTopics);
  return fitting({ ...note, losses: note.losses.slice(1) });
}

function parse(bytes: Buffer): GapNote | "unreadable" | null {
  if (bytes.toString("latin1", 0, 8) !== crc32c(bytes, checksumChars).toString(16).padStart(8, "0")) {
    return "unreadable";
  }
  return JSON.parse(bytes.toString("utf8", checksumChars)) as GapNote | null;
}
