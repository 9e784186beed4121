/**
 * Lines that wait together: encoded once, sealed when they are to be written, written as they are, however often that
 * takes.
 *
 *   open ──close()──▶ closed ──▶ written ──▶ durable       the queue moves it on (queue.ts)
 *
 * One promise for all of them, because they become durable together. Once it is settled a later settle() is
 * nothing: a record that failed its caller may still be written.
 */
import type { Kept } from "./journal.ts";
import { sealLines, writeUnsealed } from "./line.ts";
import { type TopicCount, TopicSpans } from "./numbering.ts";

const batchBytes = 64 * 1024;
/** Fresh memory of this size costs more than the records it takes, so some is kept for the next batch. */
const spareLimit = 16;
const spare: Buffer[] = [];

export class Batch {
  readonly first: number;
  readonly spans = new TopicSpans();
  readonly kept: Promise<Kept>;
  readonly settle: (kept: Kept | Promise<Kept>) => void;
  last = 0;
  count = 0;
  bytes = 0;
  #buffer: Buffer;
  /** All lines before this have their checksums. */
  #sealed = 0;

  /** @param needBytes of the first line; a batch of its own size is made for one that is larger than usual */
  constructor(first: number, needBytes: number) {
    this.first = first;
    this.#buffer =
      needBytes > batchBytes
        ? Buffer.allocUnsafeSlow(needBytes)
        : (spare.pop() ?? Buffer.allocUnsafeSlow(batchBytes));
    const { promise, resolve } = Promise.withResolvers<Kept>();
    this.kept = promise;
    this.settle = resolve;
  }

  hasRoom(bytes: number): boolean {
    return this.bytes + bytes <= this.#buffer.length;
  }

  /** @returns the bytes of its line */
  add(
    count: TopicCount,
    sequence: number,
    journalseq: number,
    stream: string,
    keyJson: string,
    event: string,
  ): number {
    const from = this.bytes;
    this.bytes = writeUnsealed(this.#buffer, from, journalseq, sequence, stream, keyJson, event);
    this.last = journalseq;
    this.count++;
    this.spans.add(count, sequence);
    return this.bytes - from;
  }

  content(): Buffer {
    sealLines(this.#buffer, this.#sealed, this.bytes);
    this.#sealed = this.bytes;
    return this.#buffer.subarray(0, this.bytes);
  }

  /** Its lines are on disk: nobody will look at the content again. */
  discard(): void {
    if (this.#buffer.length === batchBytes && spare.length < spareLimit) spare.push(this.#buffer);
    this.#buffer = Buffer.alloc(0);
  }
}
