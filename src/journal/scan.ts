/**
 * Finds the lines of one segment in order, in bounded memory, and knows its place again behind damage.
 *
 *   take() ──true──▶ the line stands in bytes[start, end)
 *     │ false: no whole line is left in memory
 *     ▼
 *   more() ──true──▶ take()          ──false──▶ end of the file, for now
 *
 * Guarantee: every line that checks out is found, whatever stands before it. An unfinished line at the end stays
 * unread, so that a reader may come back for the rest.
 */
import type { OpenFile } from "./files.ts";
import { checksOut, declaredBytes, maxLineBytes } from "./line.ts";

const chunkBytes = 256 * 1024;
const newline = 0x0a;

export interface Span {
  readonly offset: number;
  readonly bytes: number;
}

export class SegmentScan {
  readonly file: OpenFile;
  bytes = Buffer.allocUnsafe(chunkBytes);
  /** The line found last, in `bytes`; valid until more(). */
  start = 0;
  end = 0;
  /** What stood between this line and the one before it, and is no line. */
  garbage: Span | null = null;
  /** Complete lines within the garbage before the next line, by their newlines: how many records it may have been. */
  garbageLines = 0;
  #filled = 0;
  /** Offset in the file of bytes[0]. */
  #base: number;
  /** Offset in the file of the garbage that the next line ends. */
  #garbageFrom: number | null = null;

  constructor(file: OpenFile, position = 0) {
    this.file = file;
    this.#base = position;
  }

  /** Offset in the file of the line found last. */
  get offset(): number {
    return this.#base + this.start;
  }

  /** Moves on to the next line that checks out, if it is in memory as a whole. */
  take(): boolean {
    const bytes = this.bytes;
    let at = this.end;
    for (;;) {
      const newlineAt = bytes.indexOf(newline, at);
      if (newlineAt < 0 || newlineAt >= this.#filled) break;
      const end = newlineAt + 1;
      const start = lineStart(bytes, at, end);
      if (start >= 0) {
        this.#found(at, start, end);
        return true;
      }
      this.#garbageFrom ??= this.#base + at;
      this.garbageLines++;
      at = end;
    }
    this.start = this.end = at;
    return false;
  }

  /** Reads on. False at the end of the file. */
  async more(): Promise<boolean> {
    this.#makeRoom();
    const read = await this.file.read(
      this.bytes,
      this.#filled,
      this.bytes.length - this.#filled,
      this.#base + this.#filled,
    );
    this.#filled += read;
    return read > 0;
  }

  /** What stands behind the last line that was found, up to where the file was read. */
  rest(): { span: Span; lines: number; unfinished: Buffer } {
    const offset = this.#garbageFrom ?? this.#base + this.end;
    const unfinished = this.bytes.subarray(this.end, this.#filled);
    return {
      span: { offset, bytes: this.#base + this.#filled - offset },
      lines: this.garbageLines,
      unfinished,
    };
  }

  #found(from: number, start: number, end: number): void {
    const offset = this.#garbageFrom ?? this.#base + from;
    const bytes = this.#base + start - offset;
    this.garbage = bytes > 0 ? { offset, bytes } : null;
    this.#garbageFrom = null;
    this.garbageLines = 0;
    this.start = start;
    this.end = end;
  }

  #makeRoom(): void {
    if (this.#filled - this.end > maxLineBytes) {
      // No line is as long as this, so it is not worth keeping in memory.
      this.#garbageFrom ??= this.#base + this.end;
      this.end = this.#filled;
    }
    const kept = this.#filled - this.end;
    const into = kept > this.bytes.length / 2 ? Buffer.allocUnsafe(this.bytes.length * 2) : this.bytes;
    if (this.end > 0 || into !== this.bytes) this.bytes.copy(into, 0, this.end, this.#filled);
    this.#base += this.end;
    this.bytes = into;
    this.#filled = kept;
    this.start = this.end = 0;
  }
}

/**
 * Where in `bytes[from, end)` the line begins that ends there; -1 when none does. It is not `from` when the
 * newline of the line before was damaged: then that line still says how long it was.
 */
function lineStart(bytes: Buffer, from: number, end: number): number {
  if (checksOut(bytes, from, end)) return from;
  const second = from + declaredBytes(bytes, from);
  return second < end && checksOut(bytes, second, end) ? second : -1;
}
