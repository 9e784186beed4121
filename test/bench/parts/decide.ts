/** A decision alone: what rules make of it. */
import { type Alone, alone } from "../alone/alone.ts";
import type { DecideWork } from "../alone/decide.ts";
import { runPart, say, type Tell, type Work } from "../part.ts";
import { eachVersion } from "../stage.ts";
import { median, ratios, rounded, shownSpread, spreadOf } from "../statistics.ts";
import { roundsOf } from "../turns.ts";

async function decide(work: Work, tell: Tell): Promise<void> {
  const variants = new Map<string, DecideWork>();
  for (const rules of [0, 1_000, work.lengths.manyRules])
    for (const [at, [name]] of eachVersion(`${rules.toLocaleString("en-US")} rules`, work.versions).entries())
      variants.set(name, { tree: work.versions[at]!.tree, rules, countMs: work.seconds * 1000 });
  const measure = async (name: string): Promise<Alone> => {
    const found = await alone("decide.ts", variants.get(name)!);
    say(`  ${name.padEnd(24)} ${rounded(1e9 / found.perSecond)} ns`);
    return found;
  };
  const rounds = await roundsOf([...variants.keys()], measure, work.rounds);
  const times = (name: string): number[] => rounds.get(name)!.map(({ perSecond }) => 1e9 / perSecond);
  const [first] = [...variants.keys()] as [string];
  tell({
    kind: "table",
    title: "One decision",
    columns: ["", "ns", `× ${first}`],
    rows: [...variants.keys()].map((name) => [
      name,
      rounded(median(times(name))),
      shownSpread(spreadOf(ratios(times(name), times(first)))),
    ]),
  });
}

await runPart(decide);
