/** Runs variants in turns, A B C A B C …, so that the noise of a shared machine falls on all of them alike. */

export interface Variant {
  readonly name: string;
  readonly call: () => unknown;
}

export interface Row {
  readonly name: string;
  /** Figures by column; the median over all rounds. */
  readonly figures: Readonly<Record<string, number>>;
  /** Median over the rounds of this variant's cost divided by the first one's in the same round. */
  readonly ratio: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Keeps results alive so that the compiler cannot leave the work out. */
export let sink: unknown;

/** Nanoseconds per call of synchronous variants. */
export function timeInTurns(variants: readonly Variant[], calls = 20_000, rounds = 15): Row[] {
  const seen = variants.map(() => [] as number[]);
  for (let round = -2; round < rounds; round++) {
    for (const [i, { call }] of variants.entries()) {
      const startNs = process.hrtime.bigint();
      for (let n = 0; n < calls; n++) sink = call();
      const ns = Number(process.hrtime.bigint() - startNs) / calls;
      if (round >= 0) seen[i]?.push(ns);
    }
  }
  return rows(
    variants.map(({ name }) => name),
    seen.map((all) => all.map((ns) => ({ ns }))),
    "ns",
  );
}

/** Any measurement taken in turns: `measure` gives one round's figures of one variant. */
export async function inTurns(
  names: readonly string[],
  measure: (name: string) => Promise<Record<string, number>>,
  cost: string,
  rounds = 7,
): Promise<Row[]> {
  const seen = names.map(() => [] as Record<string, number>[]);
  for (let round = -1; round < rounds; round++) {
    for (const [i, name] of names.entries()) {
      const figures = await measure(name);
      if (round >= 0) seen[i]?.push(figures);
    }
  }
  return rows(names, seen, cost);
}

function rows(names: readonly string[], seen: readonly Record<string, number>[][], cost: string): Row[] {
  const base = seen[0] ?? [];
  return names.map((name, i) => {
    const own = seen[i] ?? [];
    const columns = Object.keys(own[0] ?? {});
    return {
      name,
      figures: Object.fromEntries(columns.map((c) => [c, median(own.map((figures) => figures[c] ?? 0))])),
      ratio: median(own.map((figures, round) => (figures[cost] ?? 0) / (base[round]?.[cost] ?? 1))),
    };
  });
}

export function print(title: string, table: readonly Row[]): void {
  const columns = Object.keys(table[0]?.figures ?? {});
  const lines = [
    `\n### ${title}\n`,
    `| variant | ${columns.join(" | ")} | ratio |`,
    `|---|${columns.map(() => "--:|").join("")}--:|`,
    ...table.map(
      ({ name, figures, ratio }) =>
        `| ${name} | ${columns.map((c) => rounded(figures[c] ?? 0)).join(" | ")} | ${ratio.toFixed(2)} |`,
    ),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

const rounded = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));
