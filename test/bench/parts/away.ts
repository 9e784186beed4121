/** Answers while Kafka is away, beside those of the same bridge while it is there. */
import { answersTable, column, compared } from "../answers.ts";
import type { Figures } from "../load/generator.ts";
import { least, most, runPart, say, type Tell, type Work } from "../part.ts";
import { eachVersion, kafka, lineOf, Stage, settled } from "../stage.ts";
import { ratios, spreadOf } from "../statistics.ts";
import type { Rounds } from "../turns.ts";

const loops = {
  closed: { mode: "closed", connections: 32 },
  open: { mode: "open", connections: 64, perSecond: 2_000 },
} as const;
type Loop = keyof typeof loops;

async function away(work: Work, tell: Tell): Promise<void> {
  await using host = await kafka();
  await using stage = await Stage.open(work);
  const settings = { "kafka.brokers": host.brokers.join(","), "journal.maxBytes": "4GiB" };
  await stage.sluice("Kafka is there", { sync: "fsync", settings });
  const names = [...stage.subjects.keys()];
  // For the reader: what Kafka and the forwarder take from the answers while they share the cores.
  await stage.sluice("no Kafka set", { sync: "fsync" });
  const without = [...stage.subjects.keys()].filter((name) => !names.includes(name));
  const found = { closed: new Map<string, Figures[]>(), open: new Map<string, Figures[]>() };
  const ask = async (name: string, said: string, round: number): Promise<void> => {
    for (const loop of Object.keys(loops) as Loop[]) {
      const figures = await stage.ask(name, loops[loop]);
      say(`  round ${round}  ${loop.padEnd(7)} ${said.padEnd(24)} ${lineOf(figures)}`);
      if (round === 0) continue;
      const all = found[loop];
      if (!all.has(said)) all.set(said, []);
      all.get(said)!.push(figures);
    }
  };
  for (let round = 0; round <= work.rounds; round++) {
    for (const name of names) {
      await ask(name, name, round);
      await settled(stage.of(name));
    }
    await host.nodes[0].kill();
    for (const name of names) await ask(name, whenAway(name), round);
    for (const name of without) await ask(name, name, round);
    await host.nodes[0].start();
    for (const name of names) await settled(stage.of(name));
  }
  for (const loop of Object.keys(loops) as Loop[]) {
    const title = loop === "closed" ? "32 connections, closed loop" : "2,000 op/s, open loop";
    tell(answersTable(title, found[loop], "Kafka is there"));
  }
  for (const [name, version] of eachVersion("Kafka is there", work.versions)) {
    tell(
      compared(found.closed, whenAway(name), name, {
        version,
        what: "answers/s while Kafka is away, to the undisturbed",
        how: "Closed loop of 32 connections, fsync; the only broker is killed and started again in each round, and all is sent before the next. It shares the cores while it is there.",
        required: least(0.95),
      }),
    );
    tell({ ...p99Of(found.open, name), version });
  }
}

function whenAway(name: string): string {
  return name.replace("is there", "is away");
}

function p99Of(rounds: Rounds<Figures>, name: string) {
  const p99 = (of: string): number[] => column(rounds, of, "p99");
  return {
    kind: "measured",
    what: "p99 while Kafka is away, to the undisturbed",
    how: "The same at 2,000 op/s in an open loop, times from when a call was due.",
    unit: "×",
    spread: spreadOf(ratios(p99(whenAway(name)), p99(name))),
    required: most(1.1),
  } as const;
}

await runPart(away);
