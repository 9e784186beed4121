/**
 * When things end: a binary heap of deadlines, nearest first.
 *
 * One whose deadline changes is simply added again; the owner knows which deadline still counts, and `due`
 * asks it. Entries that no longer count go when they surface, or all at once when they are the majority, so
 * the heap never holds more than twice what is alive (and a little).
 */
export class Expiries<Ending> {
  #heap: { atMs: number; ending: Ending }[] = [];
  /** Whether it really ends at `atMs`. */
  readonly #counts: (ending: Ending, atMs: number) => boolean;

  constructor(counts: (ending: Ending, atMs: number) => boolean) {
    this.#counts = counts;
  }

  /** @param alive how many have a deadline at all, as the owner counts */
  add(ending: Ending, atMs: number, alive: number): void {
    if (this.#heap.length > 2 * alive + 1024) this.#compact();
    this.#heap.push({ atMs, ending });
    this.#up(this.#heap.length - 1);
  }

  /** The nearest deadline that counts; null when nothing ends. */
  nextMs(): number | null {
    for (;;) {
      const first = this.#heap[0];
      if (!first) return null;
      if (this.#counts(first.ending, first.atMs)) return first.atMs;
      this.#pop();
    }
  }

  /** Takes out and returns the one with the nearest deadline, when that is not after `nowMs`. */
  due(nowMs: number): Ending | null {
    const nextMs = this.nextMs();
    return nextMs !== null && nextMs <= nowMs ? this.#pop() : null;
  }

  #compact(): void {
    this.#heap = this.#heap
      .filter(({ ending, atMs }) => this.#counts(ending, atMs))
      .sort((a, b) => a.atMs - b.atMs);
  }

  #pop(): Ending {
    const first = this.#heap[0]!;
    const last = this.#heap.pop()!;
    if (this.#heap.length > 0) {
      this.#heap[0] = last;
      this.#down(0);
    }
    return first.ending;
  }

  #up(from: number): void {
    const heap = this.#heap;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.atMs <= heap[at]!.atMs) return;
      [heap[parent], heap[at]] = [heap[at]!, heap[parent]!];
      at = parent;
    }
  }

  #down(from: number): void {
    const heap = this.#heap;
    for (let at = from; ; ) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < heap.length && heap[child]!.atMs < heap[least]!.atMs) least = child;
      }
      if (least === at) return;
      [heap[least], heap[at]] = [heap[at]!, heap[least]!];
      at = least;
    }
  }
}
