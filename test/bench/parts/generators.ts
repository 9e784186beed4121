/** What the load costs beside the server: Go's and Node's generator ask the same floor the same calls. */
import { type Figures, Generator } from "../load/generator.ts";
import { runPart, say, type Tell, type Work } from "../part.ts";
import { lineOf, Stage } from "../stage.ts";
import { median, rounded } from "../statistics.ts";
import { roundsOf } from "../turns.ts";

async function generators(work: Work, tell: Tell): Promise<void> {
  await using stage = await Stage.open(work);
  await stage.floor();
  const { port, pid } = stage.of("floor");
  const [go, node] = [
    await Generator.make(stage.folder.path, work.mix, "go"),
    await Generator.make(stage.folder.path, work.mix, "node"),
  ];
  const both = new Map<string, Generator>([...(go ? [["Go", go] as const] : []), ["Node", node!]]);
  const asked = { port, pid, warmUpMs: work.warmUpSeconds * 1000, countMs: work.seconds * 1000 };
  const rows: string[][] = [];
  for (const [what, asking] of [
    ["closed loop, 32 connections", { mode: "closed", connections: 32 }],
    ["closed loop, 256 connections", { mode: "closed", connections: 256 }],
    ["open loop, 2,000 op/s", { mode: "open", connections: 64, perSecond: 2_000 }],
    ["as frps, 32 askers", { mode: "frps", connections: 32 }],
  ] as const) {
    const measure = async (name: string): Promise<Figures> => {
      const figures = await both.get(name)!.ask({ ...asked, ...asking });
      say(`  ${what.padEnd(30)} ${name.padEnd(6)} ${lineOf(figures)}`);
      return figures;
    };
    const rounds = await roundsOf([...both.keys()], measure, work.rounds);
    for (const [name, all] of rounds) {
      const middle = (figure: keyof Figures): string => rounded(median(all.map((one) => one[figure])));
      rows.push([what, name, middle("generatorUs"), middle("cpuUs"), middle("perSecond"), middle("p99")]);
    }
  }
  const columns = ["", "in", "load's CPU µs a call", "the floor's", "answers/s", "p99 ms"];
  tell({ kind: "table", title: "Asking the floor", columns, rows });
}

await runPart(generators);
