/** Runs variants in turns, A B C A B C …, so that the noise of a shared machine falls on all of them alike. */
import { median, ratios, rounded } from "./statistics.ts";

/** Of each variant, the figures of each round; a round for warming up is not among them. */
export type Rounds<Figures> = ReadonlyMap<string, readonly Figures[]>;

/** Any measurement taken in turns: `measure` gives one round's figures of one variant. */
export async function roundsOf<Figures>(
  names: readonly string[],
  measure: (name: string, round: number) => Promise<Figures>,
  rounds: number,
): Promise<Rounds<Figures>> {
  const seen = new Map<string, Figures[]>(names.map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const name of names) {
      const figures = await measure(name, round);
      if (round > 0) seen.get(name)!.push(figures);
    }
  }
  return seen;
}

export interface Row {
  readonly name: string;
  /** Figures by column; the median over all rounds. */
  readonly figures: Readonly<Record<string, number>>;
  /** Median over the rounds of this variant's cost divided by the first one's in the same round. */
  readonly ratio: number;
}

export async function inTurns(
  names: readonly string[],
  measure: (name: string) => Promise<Record<string, number>>,
  cost: string,
  rounds: number,
): Promise<Row[]> {
  const seen = await roundsOf(names, measure, rounds);
  const costs = (name: string): number[] => seen.get(name)!.map((figures) => figures[cost]!);
  return names.map((name) => {
    const own = seen.get(name)!;
    const figures = Object.keys(own[0]!).map((column) => [column, median(own.map((one) => one[column]!))]);
    return {
      name,
      figures: Object.fromEntries(figures),
      ratio: median(ratios(costs(name), costs(names[0]!))),
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
