/** What the bench is told on its command line. */
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { type Mix, mixes } from "./load/calls.ts";
import type { Language } from "./load/generator.ts";
import type { Lengths } from "./part.ts";
import { parts } from "./parts.ts";

const width = Math.max(...Object.keys(parts).map((name) => name.length)) + 2;

export const help = `Measures Sluice: everything as ratios within one run, variants in turns, on loopback.

  npm run bench -- [--only edge,journal] [--quick] [--seconds 3] [--rounds 5] [--compare REV]
                   [--profile FOLDER] [--verify] [--mix closes] [--load go] [--out FILE] …

  --only        parts, as listed below; all without it
  --quick       short: to see that it runs. What else is given holds all the same
  --seconds     of each measurement, after --warm-up seconds (1) of asking
  --rounds      each measures every variant once; a first one is not counted
  --compare     another revision of this repository takes turns too: what a change costs
  --profile     where bridges leave a .cpuprofile when they end (Chrome and speedscope show it as a flame
                graph); they are slower then
  --verify      has \`sluice verify\` judge the topics of each bridge that had a Kafka
  --mix         what the frps sends: closes, as one that tells of ends, or stock, as a released one does
  --load        the load generator: go or node; go where there is one
  --out         where the report goes; test/bench/RESULTS.md when all parts run in full, else nowhere but stdout

Lengths, which the report says:
  --rules N            many rules (1000000)            --start-rules N   rules at a start (100000)
  --events N           events to catch up (100000)     --outage S        seconds of an outage (60)
  --records N          to forward (200000)             --sessions N      open sessions (1000000)

Parts:
${Object.entries(parts)
  .map(([name, { what }]) => `  ${name.padEnd(width)}${what}`)
  .join("\n")}

The journal lies below TMPDIR (now ${tmpdir()}). Ctrl-C ends it and keeps what has been found.`;

export interface Options {
  readonly parts: readonly string[];
  readonly quick: boolean;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly rounds: number;
  readonly compare: string | undefined;
  readonly profileTo: string | undefined;
  readonly verify: boolean;
  readonly mix: Mix;
  readonly load: Language | undefined;
  /** Undefined: nowhere, or RESULTS.md. */
  readonly out: string | undefined;
  readonly lengths: Lengths;
}

/** @returns null where help was asked for; throws an Error that says which option is wrong */
export function optionsOf(args: string[]): Options | null {
  const text = { type: "string" } as const;
  const flag = { type: "boolean", default: false } as const;
  const { values } = parseArgs({
    args,
    options: {
      help: { type: "boolean", short: "h" },
      quick: flag,
      verify: flag,
      only: text,
      seconds: text,
      "warm-up": text,
      rounds: text,
      compare: text,
      profile: text,
      mix: { type: "string", default: "closes" },
      load: text,
      out: text,
      rules: text,
      "start-rules": text,
      events: text,
      outage: text,
      records: text,
      sessions: text,
    },
  });
  if (values.help) return null;
  const { quick, mix, load } = values;
  const number = (
    name: keyof typeof values,
    normal: number,
    short: number,
    most: number,
    whole = true,
  ): number => {
    const value = Number(values[name] ?? (quick ? short : normal));
    if (!(value > 0 && value <= most)) throw new Error(`--${name} must be more than 0, and at most ${most}`);
    return whole ? Math.ceil(value) : value;
  };
  if (!isMix(mix)) throw new Error(`--mix must be ${mixes.join(" or ")}`);
  if (load !== undefined && load !== "go" && load !== "node") throw new Error("--load must be go or node");
  return {
    parts: partsNamed(values.only),
    quick,
    seconds: number("seconds", 3, 0.5, 600, false),
    warmUpSeconds: number("warm-up", 1, 0.3, 600, false),
    rounds: number("rounds", 5, 2, 100),
    compare: values.compare,
    profileTo: values.profile,
    verify: values.verify,
    mix,
    load,
    out: values.out,
    lengths: {
      manyRules: number("rules", 1_000_000, 10_000, 5_000_000),
      startRules: number("start-rules", 100_000, 1_000, 5_000_000),
      catchUpEvents: number("events", 100_000, 5_000, 10_000_000),
      outageSeconds: number("outage", 60, 5, 86_400),
      forwardedRecords: number("records", 200_000, 5_000, 10_000_000),
      sessions: number("sessions", 1_000_000, 10_000, 5_000_000),
    },
  };
}

function isMix(text: string): text is Mix {
  return (mixes as readonly string[]).includes(text);
}

function partsNamed(only: string | undefined): string[] {
  const all = Object.keys(parts);
  if (only === undefined) return all;
  const wanted = only.split(",");
  const unknown = wanted.find((name) => !all.includes(name));
  if (unknown !== undefined)
    throw new Error(`--only: there is no part ${unknown}; there are ${all.join(", ")}`);
  return all.filter((name) => wanted.includes(name));
}
