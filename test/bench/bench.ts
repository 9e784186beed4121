/**
 * How much of what bare node:http can answer on this machine is left when each op is decided and journaled.
 *
 * The floor and Sluice run in turns, A B A B …, so that the noise of a shared machine falls on both; what counts is
 * the ratio of their requests/s within each round, and of those the median.
 *
 * To compare with: a trial of the whole path in one file reached 0.55 of the floor. Where the machine is busy the
 * ratio falls, since the threads that sync want a core too; the CPU times per request then say more.
 */
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { run } from "../hosts/process.ts";
import type { Figures, Work } from "./load.ts";
import { isInMemory, type Subject, startFloor, startSluice } from "./subject.ts";
import { inTurns, print, type Row } from "./trial/turns.ts";

const help = `Measures Sluice against bare node:http: recorded calls of frps in a closed loop, on loopback.

  npm run bench -- [--seconds 3] [--rounds 5] [--connections 32,256] [--sync fsync]
                   [--against <tree>]… [--profile <folder>]

  --seconds      of each measurement, after half a second of warming up
  --rounds       each measures every server once; a first one is not counted
  --connections  keep-alive connections, each with one request under way
  --sync         journal.sync of Sluice: fsync or write
  --against      another checkout of Sluice (with node_modules) that takes turns too: what a change costs.
                 May be given several times
  --profile      where Sluice leaves a .cpuprofile when it ends; it is slower then

The journal lies below TMPDIR (now ${tmpdir()}).`;

const warmUpMs = 500;
const load = join(import.meta.dirname, "load.ts");

interface Options {
  readonly seconds: number;
  readonly rounds: number;
  readonly connections: readonly number[];
  readonly sync: string;
  readonly against: readonly string[];
  readonly profileTo: string | undefined;
}

/** @throws Error that says which option is wrong */
function optionsOf(args: string[]): Options | null {
  const { values } = parseArgs({
    args,
    options: {
      help: { type: "boolean", short: "h" },
      seconds: { type: "string", default: "3" },
      rounds: { type: "string", default: "5" },
      connections: { type: "string", default: "32,256" },
      sync: { type: "string", default: "fsync" },
      against: { type: "string", multiple: true, default: [] },
      profile: { type: "string" },
    },
  });
  if (values.help) return null;
  if (values.sync !== "fsync" && values.sync !== "write") throw new Error("--sync must be fsync or write");
  return {
    seconds: within("--seconds", values.seconds, 0.1, 60),
    rounds: Math.ceil(within("--rounds", values.rounds, 1, 100)),
    connections: values.connections
      .split(",")
      .map((one) => Math.ceil(within("--connections", one, 1, 10_000))),
    sync: values.sync,
    against: values.against,
    profileTo: values.profile,
  };
}

function within(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!(value >= least && value <= most)) throw new Error(`${name} must be from ${least} to ${most}`);
  return value;
}

async function bench(options: Options): Promise<void> {
  const { sync, against, profileTo } = options;
  const subjects = new Map<string, Subject>();
  if (await isInMemory(tmpdir())) say(`${tmpdir()} lies in memory: a sync costs nothing there, set TMPDIR`);
  try {
    const tree = join(import.meta.dirname, "..", "..");
    subjects.set("floor", await startFloor());
    subjects.set("sluice", await startSluice({ tree, sync, profileTo }));
    for (const other of against)
      subjects.set(basename(resolve(other)), await startSluice({ tree: other, sync, profileTo: undefined }));
    const results: string[] = [];
    for (const connections of options.connections) {
      const table = await compare(subjects, connections, options);
      print(`${connections} connections, journal.sync = ${sync}; ratio of requests/s to the floor's`, table);
      results.push(`${table[1]?.ratio.toFixed(2)} at ${connections} connections`);
    }
    say(`\nSluice/floor: ${results.join(", ")}`);
  } finally {
    await Promise.all([...subjects.values()].map((subject) => subject.end()));
  }
}

function compare(
  subjects: ReadonlyMap<string, Subject>,
  connections: number,
  { seconds, rounds }: Options,
): Promise<Row[]> {
  let floor = 0;
  let measured = 0;
  const measure = async (name: string): Promise<Figures> => {
    const { port, pid } = subjects.get(name)!;
    const figures = await figuresOf({ port, pid, connections, warmUpMs, countMs: seconds * 1000 });
    const round = Math.floor(measured++ / subjects.size);
    if (name === "floor") floor = figures["requests/s"];
    say(line(`${connections} × ${round === 0 ? "warm-up" : `round ${round}`}`, name, figures, floor));
    return figures;
  };
  return inTurns([...subjects.keys()], measure, "requests/s", rounds);
}

async function figuresOf(work: Work): Promise<Figures> {
  const output = await run({ program: process.execPath, args: [load, JSON.stringify(work)] });
  return JSON.parse(output) as Figures;
}

function line(round: string, name: string, figures: Figures, floor: number): string {
  const rate = figures["requests/s"];
  const cells = Object.entries(figures).map(([column, value]) =>
    `${column} ${value.toFixed(column === "requests/s" ? 0 : 2)}`.padEnd(18),
  );
  return `${round.padEnd(15)}${name.padEnd(12)}${cells.join(" ")} ratio ${(rate / floor).toFixed(2)}`;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

try {
  const options = optionsOf(process.argv.slice(2));
  if (options === null) say(help);
  else await bench(options);
} catch (thrown) {
  process.stderr.write(`bench: ${thrown instanceof Error ? thrown.message : thrown}\n`);
  process.exitCode = 1;
}
