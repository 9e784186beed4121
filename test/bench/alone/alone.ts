/** One measurement of a piece of Sluice alone, in a process of its own, of any version of it. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { run } from "../../hosts/process.ts";

/** What every program in this folder prints, as one line of JSON. */
export interface Alone {
  readonly perSecond: number;
  /** Microseconds of processor each, of all threads. */
  readonly cpuUs: number;
}

/** @throws Error with what it said */
export async function alone<Found extends Alone>(program: string, work: object): Promise<Found> {
  const flags = ["--disable-warning=TimeoutNegativeWarning", "--expose-gc"];
  const args = [...flags, join(import.meta.dirname, program), JSON.stringify(work)];
  return JSON.parse(await run({ program: process.execPath, args })) as Found;
}

export function work<Work>(): Work {
  return JSON.parse(process.argv[2] ?? "") as Work;
}

/** A module of the version in `tree`; its types are taken to be this one's. */
export function from<Module>(tree: string, path: string): Promise<Module> {
  return import(pathToFileURL(join(tree, "src", path)).href) as Promise<Module>;
}

/** From now on, until it is called with how many things were done. */
export function measuring(): (count: number) => Alone {
  const [fromMs, cpu] = [performance.now(), process.cpuUsage()];
  return (count) => {
    const { user, system } = process.cpuUsage(cpu);
    return { perSecond: (count / (performance.now() - fromMs)) * 1000, cpuUs: (user + system) / count };
  };
}

export function print(found: Alone): void {
  process.stdout.write(`${JSON.stringify(found)}\n`, () => process.exit());
}

export const silent = { debug() {}, info() {}, warn() {}, error() {} };
