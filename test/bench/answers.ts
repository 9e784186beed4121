/** What rounds of answers come to: a table of all that were asked, and what one is to another. */
import type { Figures } from "./load/generator.ts";
import type { Limit, Measured, Table } from "./part.ts";
import { median, ratios, rounded, shownSpread, spreadOf } from "./statistics.ts";
import type { Rounds } from "./turns.ts";

export function column(rounds: Rounds<Figures>, name: string, figure: keyof Figures): number[] {
  return rounds.get(name)!.map((figures) => figures[figure]);
}

/** Medians over the rounds; the ratio is that of answers/s in the same round. */
export function answersTable(title: string, rounds: Rounds<Figures>, to: string, note?: string): Table {
  const names = [...rounds.keys()];
  const cells = (name: string): string[] => {
    const middle = (figure: keyof Figures): string => rounded(median(column(rounds, name, figure)));
    const rate = (of: string): number[] => column(rounds, of, "perSecond");
    return [
      name,
      middle("perSecond"),
      shownSpread(spreadOf(ratios(rate(name), rate(to)))),
      middle("p50"),
      middle("p99"),
      middle("p999"),
      middle("cpuUs"),
      middle("mainThreadUs"),
      middle("generatorUs"),
    ];
  };
  const columns = [
    "",
    "answers/s",
    `× ${to}`,
    "p50 ms",
    "p99 ms",
    "p99.9 ms",
    "CPU µs",
    "main thread µs",
    "load's CPU µs",
  ];
  return { kind: "table", title, ...(note && { note }), columns, rows: names.map(cells) };
}

interface Comparing {
  readonly what: string;
  readonly how: string;
  readonly version: string;
  readonly figure?: "perSecond" | "p50" | "p99";
  readonly required: Limit;
  readonly sought?: Limit;
}

/** What one's figure is to another's, round by round. */
export function compared(
  rounds: Rounds<Figures>,
  name: string,
  to: string,
  { figure = "perSecond", ...rest }: Comparing,
): Measured {
  const spread = spreadOf(ratios(column(rounds, name, figure), column(rounds, to, figure)));
  return { kind: "measured", unit: "×", spread, cpuUs: cpuOfBoth(rounds, name, to), ...rest };
}

export function cpuOfBoth(rounds: Rounds<Figures>, name: string, to: string): readonly [number, number] {
  return [median(column(rounds, name, "cpuUs")), median(column(rounds, to, "cpuUs"))];
}
