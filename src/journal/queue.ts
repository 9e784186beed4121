/**
 * The records that are not known to be on disk, in the order of their numbers.
 *
 *   [ written, not yet synced │ closed, waiting │ open ]
 *                             ▲ written
 *
 * Guarantee: nothing leaves but by durable() or giveUp(), so whatever becomes doubtful can be written again.
 */

import { Batch } from "./batch.ts";
import type { Kept } from "./journal.ts";
import type { TopicCount } from "./numbering.ts";

export class Queue {
  bytes = 0;
  #batches: Batch[] = [];
  #written = 0;
  #open: Batch | null = null;

  get empty(): boolean {
    return this.#batches.length === 0;
  }

  /** Whether something waits to be written. */
  get waiting(): boolean {
    return this.#batches.length > this.#written;
  }

  /** Whether something was written and waits for a sync. */
  get unsynced(): boolean {
    return this.#written > 0;
  }

  get first(): Batch | undefined {
    return this.#batches[0];
  }

  /**
   * Takes one record; returns the promise that it shares with those it will be written with.
   * @param mostBytes that its line may take
   */
  add(
    count: TopicCount,
    sequence: number,
    journalseq: number,
    stream: string,
    keyJson: string,
    event: string,
    mostBytes: number,
  ): Promise<Kept> {
    if (!this.#open?.hasRoom(mostBytes)) {
      this.#open = new Batch(journalseq, mostBytes);
      this.#batches.push(this.#open);
    }
    this.bytes += this.#open.add(count, sequence, journalseq, stream, keyJson, event);
    return this.#open.kept;
  }

  get lastWritten(): number {
    return this.#batches[this.#written - 1]?.last ?? 0;
  }

  get unsyncedBytes(): number {
    return this.#batches.slice(0, this.#written).reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Later records get a batch, and a promise, of their own. */
  closeOpen(): void {
    this.#open = null;
  }

  /** The next to be written: at least one, else no more than `bytes`. */
  peek(bytes: number): Batch[] {
    const group: Batch[] = [];
    let total = 0;
    for (let at = this.#written; at < this.#batches.length; at++) {
      const batch = this.#batches[at]!;
      total += batch.bytes;
      if (group.length > 0 && total > bytes) break;
      group.push(batch);
    }
    if (group.at(-1) === this.#open) this.closeOpen();
    return group;
  }

  /** Whether nothing waits behind what peek() gave. */
  isAll(group: readonly Batch[]): boolean {
    return this.#written + group.length === this.#batches.length;
  }

  /** All that peek() gave has been taken by the kernel. */
  wrote(group: readonly Batch[]): void {
    this.#written += group.length;
  }

  /** What was written and never synced cannot be trusted to be on disk: all of it has to be written again. */
  unwrite(): void {
    this.#written = 0;
  }

  /** All that was written is on disk. Returns the last of it. */
  durable(): Batch | undefined {
    const gone = this.#batches.splice(0, this.#written);
    this.#written = 0;
    for (const batch of gone) {
      this.bytes -= batch.bytes;
      batch.spans.markDurable();
      batch.settle({ ok: true });
      batch.discard();
    }
    return gone.at(-1);
  }

  settleAll(kept: Kept | Promise<Kept>): void {
    for (const batch of this.#batches) batch.settle(kept);
  }

  /**
   * Forgets all; returns how many records that were. Their memory is not used again: a write that hangs may still
   * read from it.
   */
  giveUp(): number {
    const count = this.#batches.reduce((sum, batch) => sum + batch.count, 0);
    this.#batches = [];
    this.#open = null;
    this.#written = 0;
    this.bytes = 0;
    return count;
  }
}
