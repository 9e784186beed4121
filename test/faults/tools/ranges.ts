/** Sets of byte positions, as ranges that neither touch nor overlap, in order. */
export interface Range {
  readonly from: number;
  /** Behind the last. */
  readonly to: number;
}

export function including(ranges: readonly Range[], added: Range): Range[] {
  if (added.from >= added.to) return [...ranges];
  const apart = ranges.filter(({ from, to }) => to < added.from || from > added.to);
  const touched = ranges.filter((range) => !apart.includes(range));
  const from = Math.min(added.from, ...touched.map((range) => range.from));
  const to = Math.max(added.to, ...touched.map((range) => range.to));
  return [...apart, { from, to }].sort((a, b) => a.from - b.from);
}

export function without(ranges: readonly Range[], removed: Range): Range[] {
  return ranges.flatMap(({ from, to }) =>
    [
      { from, to: Math.min(to, removed.from) },
      { from: Math.max(from, removed.to), to },
    ].filter((left) => left.from < left.to),
  );
}
