/** What is asked of `npm run faults`. */
import { parseArgs } from "node:util";
import { brokenBridges } from "./broken-bridges.ts";
import type { Fault } from "./fault.ts";
import { crimes } from "./judge.ts";
import { faults } from "./list.ts";

export interface Options {
  readonly chosen: readonly Fault[];
  readonly seed: number;
  readonly scale: number;
  readonly rate: number;
  readonly runs: number;
  readonly atOnce: number;
  readonly markdown: boolean;
  readonly selfTest: boolean;
}

const helpText = `Lets faults befall real bridges (with a real Redis and three Kafka brokers) under load, and judges them.

  npm run faults -- [fault...] [options]

  --list            the faults, a line each
  --self-test       bridges that are broken on purpose, each of which must be caught
  --seed <n>        the same calls and choices again (default: by the clock)
  --scale <x>       multiplies how long and how often (default 1)
  --rate <n>        calls a second (default 300)
  --runs <n>        the whole run so often, each with other seeds (default 1)
  --at-once <n>     faults that run beside each other (default 4)
  --markdown        the table for a document
  --help

Exit code 0: every bridge kept its word; 1: one did not, or a fault could not be judged; 2: wrong options.
Each finding is printed with its seed, and kept in .faults/found.jsonl.

What the judge looks for:
${Object.entries(crimes)
  .map(([name, text]) => `  ${name.padEnd(14)} ${text}`)
  .join("\n")}
`;

const value = { type: "string" } as const;
const flag = { type: "boolean" } as const;

/** A text to print instead of running. Throws on what cannot be understood. */
export function optionsOf(args: readonly string[]): Options | string {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      list: flag,
      help: flag,
      markdown: flag,
      "self-test": flag,
      seed: value,
      scale: value,
      rate: value,
      runs: value,
      "at-once": value,
    },
  });
  const number = (name: "seed" | "scale" | "rate" | "runs" | "at-once", otherwise: number): number => {
    const given = Number(values[name] ?? otherwise);
    if (!(given > 0)) throw new Error(`--${name} must be a number above 0, not ${values[name]}`);
    return given;
  };
  const selfTest = values["self-test"] ?? false;
  const all: readonly Fault[] = selfTest ? brokenBridges : faults;
  if (values.help) return helpText;
  if (values.list) return all.map(({ name, what }) => `${name.padEnd(20)} ${what}\n`).join("");
  const unknown = positionals.filter((name) => !all.some((fault) => fault.name === name));
  if (unknown.length > 0) throw new Error(`no such fault: ${unknown.join(", ")}; --list shows what there is`);
  return {
    chosen: positionals.length === 0 ? all : all.filter(({ name }) => positionals.includes(name)),
    // Below the 24 bits that a call's id has for it, with room for more runs.
    seed: Math.floor(number("seed", 1 + (Date.now() % 1_000_000) * 10)),
    scale: number("scale", 1),
    rate: number("rate", 300),
    runs: Math.floor(number("runs", 1)),
    atOnce: Math.floor(number("at-once", 4)),
    markdown: values.markdown ?? false,
    selfTest,
  };
}
