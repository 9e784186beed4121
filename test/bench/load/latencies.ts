/** Latencies, counted by microseconds up to 10 ms, by 10 µs up to a second, by milliseconds up to 100 s. */
const steps = [0.001, 0.01, 1] as const;

export class Latencies {
  readonly #rows = steps.map(() => new Uint32Array(100_000));
  total = 0;

  add(ms: number): void {
    const row = ms < 10 ? 0 : ms < 1000 ? 1 : 2;
    this.#rows[row]![Math.min(99_999, Math.floor(Math.max(0, ms) / steps[row]!))]!++;
    this.total++;
  }

  /** The time in milliseconds within which this share of the calls was answered: the end of its step. */
  within(share: number): number {
    let left = Math.ceil(this.total * share);
    for (const [row, counts] of this.#rows.entries()) {
      for (let at = 0; at < counts.length; at++) {
        left -= counts[at]!;
        if (left <= 0) return (at + 1) * steps[row]!;
      }
    }
    return Number.POSITIVE_INFINITY;
  }
}
