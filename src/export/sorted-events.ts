/**
 * Events in any order in, and out again each once: by their bridge, and for each in the order of its journalseq.
 *
 *   add ──32 MiB──▶ sorted, into a file ──┐
 *   add ──32 MiB──▶ sorted, into a file ──┴─▶ merged
 *
 * The same event again has the same number, and so stands beside the first. Of two events with one number, which only
 * a lost disk makes, both are given.
 * Memory: one part, and while merging 64 KiB of each file.
 */
import { closeSync, openSync, readSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const defaultPartBytes = 32 * 1024 * 1024;
const chunkBytes = 64 * 1024;

interface Numbered {
  readonly instance: string;
  readonly journalseq: string;
  readonly id: string;
  readonly event: string;
}

export class SortedEvents {
  readonly #folder: string;
  readonly #partBytes: number;
  readonly #files: string[] = [];
  #part: Numbered[] = [];
  #bytes = 0;
  #added = 0;
  #repeated = 0;

  /** @param folder exists, and is removed by whoever made it */
  constructor(folder: string, partBytes = defaultPartBytes) {
    this.#folder = folder;
    this.#partBytes = partBytes;
  }

  /** Events so far, repeated ones too. */
  get added(): number {
    return this.#added;
  }

  /** Events that were there already. */
  get repeated(): number {
    return this.#repeated;
  }

  /** False: it has no number, and so is no event. */
  add(event: string): boolean {
    const numbered = numberedOf(event);
    if (numbered === null) return false;
    this.#part.push(numbered);
    this.#added++;
    this.#bytes += event.length;
    if (this.#bytes >= this.#partBytes) this.#put();
    return true;
  }

  /** Once, after the last event. */
  *merged(): Generator<string> {
    this.#part.sort(order);
    const sources = [...this.#files.map(readPart), this.#part.values()];
    // The smallest stands last.
    const heads: { readonly next: Numbered; readonly source: Iterator<Numbered> }[] = [];
    const take = (source: Iterator<Numbered>): void => {
      const { value, done } = source.next();
      if (done) return;
      let [low, high] = [0, heads.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (order(heads[middle]!.next, value) > 0) low = middle + 1;
        else high = middle;
      }
      heads.splice(low, 0, { next: value, source });
    };
    try {
      for (const source of sources) take(source);
      let before: Numbered | null = null;
      for (let head = heads.pop(); head !== undefined; head = heads.pop()) {
        const { next, source } = head;
        if (before !== null && order(before, next) === 0) this.#repeated++;
        else yield next.event;
        before = next;
        take(source);
      }
    } finally {
      for (const source of sources) source.return?.(undefined);
    }
  }

  #put(): void {
    const path = join(this.#folder, `part-${this.#files.length}`);
    this.#part.sort(order);
    const file = openSync(path, "w", 0o600);
    try {
      let text = "";
      for (const { instance, journalseq, id, event } of this.#part) {
        text += `${JSON.stringify([instance, journalseq, id, event])}\n`;
        if (text.length < chunkBytes) continue;
        writeFileSync(file, text);
        text = "";
      }
      writeFileSync(file, text);
    } finally {
      closeSync(file);
    }
    this.#files.push(path);
    this.#part = [];
    this.#bytes = 0;
  }
}

function order(one: Numbered, other: Numbered): number {
  return (
    compared(one.instance, other.instance) ||
    compared(one.journalseq, other.journalseq) ||
    compared(one.id, other.id)
  );
}

function compared(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function numberedOf(event: string): Numbered | null {
  try {
    const { instance, journalseq, id } = JSON.parse(event) as Record<string, unknown>;
    if (typeof instance !== "string" || typeof journalseq !== "string" || typeof id !== "string") return null;
    return { instance, journalseq, id, event };
  } catch {
    return null;
  }
}

function* readPart(path: string): Generator<Numbered> {
  const file = openSync(path, "r");
  try {
    const chunk = Buffer.alloc(chunkBytes);
    let left: Buffer = Buffer.alloc(0);
    for (;;) {
      const bytes = readSync(file, chunk);
      if (bytes === 0) return;
      const read = Buffer.concat([left, chunk.subarray(0, bytes)]);
      let from = 0;
      for (let end = read.indexOf(10); end >= 0; end = read.indexOf(10, from)) {
        const [instance, journalseq, id, event] = JSON.parse(read.toString("utf8", from, end));
        yield { instance, journalseq, id, event };
        from = end + 1;
      }
      left = read.subarray(from);
    }
  } finally {
    closeSync(file);
  }
}
