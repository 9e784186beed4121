/**
 * The numbers of one stream that have been seen, and for each a fingerprint of the id it came with.
 *
 * Chunks of 1024 numbers, made when one of theirs comes, so that 4 bytes hold a number, and one that is far too high
 * costs a chunk at most. 0 means: not seen. The fingerprint tells a repetition from another event under the same
 * number; one in 4 thousand million of those others is taken for a repetition.
 *
 * Of each 64 numbers the journalseq and time of the lowest and of the highest are kept, which says of any hole nearly
 * where it lies and costs less than a byte a number.
 */
import type { Span } from "./span.ts";

/** A seen number, with what is known of it. */
export interface Mark {
  readonly number: number;
  readonly journalseq: number;
  readonly ms: number;
}

interface Chunk {
  /** Of the number before its first one. */
  readonly base: number;
  ids: Uint32Array;
  /** For each block: place in the block from 1, journalseq and time of its lowest number; the same of its highest. */
  marks: Float64Array;
}

const chunkNumbers = 1024;
const blockNumbers = 64;
const blockFields = 6;
const [low, high] = [0, 3];

export class Numbers {
  distinct = 0;
  readonly #chunks = new Map<number, Chunk>();
  #sorted: readonly Chunk[] | null = null;
  /** Most numbers follow the one before. */
  #recent: Chunk | null = null;

  /** @returns whether the number is new, came before with this id, or came before with another one */
  add(number: number, id: string, journalseq: number, ms: number): "new" | "same" | "other" {
    const chunk = this.#chunkFor(number);
    const at = number - 1 - chunk.base;
    const print = fingerprintOf(id);
    const before = chunk.ids[at]!;
    if (before !== 0) return before === print ? "same" : "other";
    chunk.ids[at] = print;
    this.distinct++;
    const { marks } = chunk;
    const block = Math.floor(at / blockNumbers) * blockFields;
    const place = (at % blockNumbers) + 1;
    if (marks[block + low] === 0 || place < marks[block + low]!)
      mark(marks, block + low, place, journalseq, ms);
    if (place > marks[block + high]!) mark(marks, block + high, place, journalseq, ms);
    return "new";
  }

  /** The lowest and the highest that were seen. */
  get lowest(): Mark | null {
    const chunk = this.#inOrder()[0];
    return chunk === undefined ? null : this.#edge(chunk, chunk.ids.findIndex(isSeen), low);
  }

  get highest(): Mark | null {
    const chunk = this.#inOrder().at(-1);
    return chunk === undefined ? null : this.#edge(chunk, chunk.ids.findLastIndex(isSeen), high);
  }

  /** The numbers from 1 to `last` that were not seen, in order. Takes time by what was seen, not by `last`. */
  *holes(last: number): Generator<Span> {
    let next = 1;
    for (const { ids, base } of this.#inOrder()) {
      for (let at = 0; at < ids.length; at++) {
        if (ids[at] === 0) continue;
        const number = base + at + 1;
        if (number > last) break;
        if (number > next) yield { first: next, last: number - 1 };
        next = number + 1;
      }
    }
    if (next <= last) yield { first: next, last };
  }

  /**
   * Seen numbers below and above a whole hole, null where there are none. They may be a few further off than the
   * nearest ones.
   */
  around({ first, last }: Span): { readonly below: Mark | null; readonly above: Mark | null } {
    return { below: this.#near(first - 1, high, low), above: this.#near(last + 1, low, high) };
  }

  /** What is known of a number, or else of one on the other side of its block. */
  #near(number: number, edge: number, otherEdge: number): Mark | null {
    const chunk = this.#chunks.get(Math.floor((number - 1) / chunkNumbers));
    const at = number - 1 - (chunk?.base ?? 0);
    if (chunk === undefined || !chunk.ids[at]) return null;
    const found = this.#edge(chunk, at, edge);
    return found.number === number ? found : this.#edge(chunk, at, otherEdge);
  }

  /** The lowest or highest number of a block. */
  #edge({ base, marks }: Chunk, at: number, edge: number): Mark {
    const block = Math.floor(at / blockNumbers);
    const field = block * blockFields + edge;
    const number = base + block * blockNumbers + marks[field]!;
    return { number, journalseq: marks[field + 1]!, ms: marks[field + 2]! };
  }

  /** With room for the number. */
  #chunkFor(number: number): Chunk {
    const index = Math.floor((number - 1) / chunkNumbers);
    const base = index * chunkNumbers;
    let chunk = this.#recent?.base === base ? this.#recent : this.#chunks.get(index);
    if (chunk === undefined) {
      // Behind another chunk it will fill up; alone it may be a stream of few records, or a number out of the air.
      const room = this.#chunks.has(index - 1) ? chunkNumbers : blockNumbers;
      chunk = { base, ids: new Uint32Array(room), marks: new Float64Array(marksFor(room)) };
      this.#chunks.set(index, chunk);
      this.#sorted = null;
    }
    if (number - base > chunk.ids.length) grow(chunk, number - base);
    this.#recent = chunk;
    return chunk;
  }

  #inOrder(): readonly Chunk[] {
    this.#sorted ??= [...this.#chunks.values()].sort((a, b) => a.base - b.base);
    return this.#sorted;
  }
}

function mark(marks: Float64Array, field: number, place: number, journalseq: number, ms: number): void {
  marks[field] = place;
  marks[field + 1] = journalseq;
  marks[field + 2] = ms;
}

function marksFor(room: number): number {
  return (room / blockNumbers) * blockFields;
}

function grow(chunk: Chunk, numbers: number): void {
  let room = chunk.ids.length;
  while (room < numbers) room *= 2;
  const { ids, marks } = chunk;
  chunk.ids = new Uint32Array(room);
  chunk.ids.set(ids);
  chunk.marks = new Float64Array(marksFor(room));
  chunk.marks.set(marks);
}

function isSeen(print: number): boolean {
  return print !== 0;
}

/** FNV-1a, 32 bits; never 0. */
function fingerprintOf(id: string): number {
  let print = 0x811c9dc5;
  for (let at = 0; at < id.length; at++) print = Math.imul(print ^ id.charCodeAt(at), 0x01000193);
  return print >>> 0 || 1;
}
