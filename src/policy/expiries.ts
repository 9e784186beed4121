/**
 * When keys end: a binary heap of deadlines, nearest first.
 *
 * A key whose deadline changes is simply added again; the owner knows which deadline still counts, and `due`
 * asks it. Entries that no longer count go when they surface, or all at once when they are the majority, so
 * the heap never holds more than twice what is alive (and a little).
 */
export class Expiries {
  #heap: { atMs: number; key: string }[] = [];
  /** Whether `key` really ends at `atMs`. */
  readonly #counts: (key: string, atMs: number) => boolean;

  constructor(counts: (key: string, atMs: number) => boolean) {
    this.#counts = counts;
  }

  /** @param alive how many keys have a deadline at all, as the owner counts */
  add(key: string, atMs: number, alive: number): void {
    if (this.#heap.length > 2 * alive + 1024) this.#compact();
    this.#heap.push({ atMs, key });
    this.#up(this.#heap.length - 1);
  }

  /** The nearest deadline that counts; null when nothing ends. */
  nextMs(): number | null {
    for (;;) {
      const first = this.#heap[0];
      if (!first) return null;
      if (this.#counts(first.key, first.atMs)) return first.atMs;
      this.#pop();
    }
  }

  /** Takes out and returns the key with the nearest deadline, when that is not after `nowMs`. */
  due(nowMs: number): string | null {
    const nextMs = this.nextMs();
    return nextMs !== null && nextMs <= nowMs ? this.#pop() : null;
  }

  #compact(): void {
    this.#heap = this.#heap
      .filter(({ key, atMs }) => this.#counts(key, atMs))
      .sort((a, b) => a.atMs - b.atMs);
  }

  #pop(): string {
    const first = this.#heap[0]!;
    const last = this.#heap.pop()!;
    if (this.#heap.length > 0) {
      this.#heap[0] = last;
      this.#down(0);
    }
    return first.key;
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
