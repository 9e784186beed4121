/** What many figures come to: the middle one, and how far they lie apart. */

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** A quarter of the figures is below, a quarter above. */
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

/** The figure that a share of all does not exceed; between two of them in proportion. NaN of none. */
export function quantile(figures: readonly number[], share: number): number {
  const sorted = figures.toSorted((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  if (below === undefined || above === undefined) return Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
}

export function median(figures: readonly number[]): number {
  return quantile(figures, 0.5);
}

export function spreadOf(figures: readonly number[]): Spread {
  return {
    median: median(figures),
    min: Math.min(...figures),
    max: Math.max(...figures),
    low: quantile(figures, 0.25),
    high: quantile(figures, 0.75),
    count: figures.length,
  };
}

/** What `of` is to `to` in each round: the noise of a round falls on both. */
export function ratios(of: readonly number[], to: readonly number[]): number[] {
  return of.map((figure, round) => figure / to[round]!);
}

/** What `of` is more than `to` in each round. */
export function differences(of: readonly number[], to: readonly number[]): number[] {
  return of.map((figure, round) => figure - to[round]!);
}

/** As it stands in a table: three digits that count. */
export function rounded(figure: number): string {
  if (!Number.isFinite(figure)) return "–";
  if (Math.abs(figure) >= 100) return Math.round(figure).toLocaleString("en-US");
  return figure.toFixed(Math.abs(figure) >= 10 ? 1 : 2);
}

/** `0.61 (0.58–0.64)`: the middle one, and from the least to the most where there are several. */
export function shownSpread({ median: middle, min, max, count }: Spread): string {
  return count < 2 ? rounded(middle) : `${rounded(middle)} (${rounded(min)}–${rounded(max)})`;
}
