import type { DurableMark } from "./source.ts";

/** The journal's durable position, which the main thread writes and notifies. */
export class SharedMark implements DurableMark {
  readonly #cell: BigInt64Array;

  constructor(shared: SharedArrayBuffer) {
    this.#cell = new BigInt64Array(shared);
  }

  read(): number {
    return Number(Atomics.load(this.#cell, 0));
  }

  async above(journalseq: number): Promise<void> {
    for (;;) {
      const now = Atomics.load(this.#cell, 0);
      if (now > journalseq) return;
      // Only while it still is what was seen: a change in between does not go unnoticed.
      const waiting = Atomics.waitAsync(this.#cell, 0, now);
      if (waiting.async) await waiting.value;
    }
  }
}
