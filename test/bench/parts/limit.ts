/**
 * What the least program that does as much could answer: the floor, and on top of it one step after another that Sluice
 * can't do without (least/server.ts), in turns with Sluice itself.
 */
import { answersTable, column } from "../answers.ts";
import { type Step, steps } from "../least/steps.ts";
import type { Figures } from "../load/generator.ts";
import { runPart, type Table, type Tell, type Work } from "../part.ts";
import { eachVersion, Stage } from "../stage.ts";
import { differences, median, ratios, rounded, shownSpread, spreadOf } from "../statistics.ts";
import type { Rounds } from "../turns.ts";

const names: Readonly<Record<Step, string>> = {
  parse: "+ JSON.parse",
  ids: "+ ids",
  event: "+ events",
  record: "+ records",
  gathered: "+ records, gathered",
  hono: "+ records, behind Hono",
};
/** What each is compared with: all of its work but one step. */
const above: readonly (readonly [name: string, above: string])[] = [
  [names.parse, "floor"],
  [names.ids, names.parse],
  [names.event, names.ids],
  [names.record, names.event],
  [names.gathered, names.event],
  [names.hono, names.record],
];
const sluice = "Sluice";
const connections = [256, 32];

const note = [
  "Each step does all of those above it.",
  "Ids: of event, client and session (SHA-1 and SHA-256).",
  "Events: one JSON.stringify each, of what Sluice's hold, and a Map of open sessions.",
  "Records: checksum, one write through to the disk for all that wait, then the answers;",
  "gathered, the write waits until no more calls come, so that more share it;",
  "behind Hono, all of it, the edge as Sluice's is. Sluice: with fsync.",
].join(" ");

async function limit(work: Work, tell: Tell): Promise<void> {
  await using stage = await Stage.open(work);
  await stage.floor();
  for (const step of steps) await stage.least(names[step], step);
  await stage.sluice(sluice, { sync: "fsync" });
  const bridges = eachVersion(sluice, work.versions).map(([name]) => name);
  for (const count of connections) {
    const rounds = await stage.rounds({ mode: "closed", connections: count });
    tell(answersTable(`${count} connections, each with one call under way`, rounds, "floor", note));
    tell(costs(rounds, count, bridges));
  }
}

/** Where the main thread's time goes, and what follows from it. */
function costs(rounds: Rounds<Figures>, count: number, bridges: readonly string[]): Table {
  const us = (name: string): number[] => column(rounds, name, "mainThreadUs");
  const rate = (name: string): number[] => column(rounds, name, "perSecond");
  const share = (name: string, to: string): string => shownSpread(spreadOf(ratios(rate(name), rate(to))));
  const best = median(rate(names.gathered)) > median(rate(names.record)) ? names.gathered : names.record;
  const more = (name: string, than: string): string[] => [
    name,
    rounded(median(us(name))),
    shownSpread(spreadOf(differences(us(name), us(than)))),
    than,
  ];
  return {
    kind: "table",
    title: `What an answer takes of the main thread, ${count} connections`,
    note: [
      `The least program (${best}) reaches **${share(best, "floor")}** of the floor:`,
      "no more was found to be had from one thread of Node behind node:http that writes these events and syncs what it appends before it answers;",
      `behind Hono it is **${share(names.hono, "floor")}**.`,
      ...bridges.map(
        (name) =>
          `${name} answers ${share(name, best)} of what the least program does, ${share(name, names.hono)} behind Hono:`,
      ),
      "what is missing there is Sluice's own, such as policy, limits, figures and recovery.",
    ].join(" "),
    columns: ["", "µs", "more", "than"],
    rows: [
      ["floor", rounded(median(us("floor"))), "", ""],
      ...above.map(([name, than]) => more(name, than)),
      ...bridges.map((name) => more(name, best)),
    ],
  };
}

await runPart(limit);
