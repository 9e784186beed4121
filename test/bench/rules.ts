/**
 * What a million rules cost: how long Sluice takes to load them, what memory each takes, and what they cost each
 * decision.
 *
 * Loading is compared, in turns, with the bare loop (rule-loads.ts). Decisions are compared, in turns, with those of a
 * policy of 100 rules of the same mix, for the same sequence of kinds of ops (rule-decisions.ts). The target is for what
 * differs in nothing but the number of rules: ops about 100 rules, drawn evenly, in a policy that has no others and in
 * one that has a million. Two other figures show how little of a large policy is in the caches of the processor: ops
 * about rules of 10,000 clients that are connected, drawn by a Zipf law, and about all rules, drawn evenly, each beside
 * ops about the 100 of a small policy.
 */
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Redis } from "ioredis";
import type { Replica } from "../../src/policy/replica.ts";
import { fillRules } from "./made-rules.ts";
import { deciding, judgedLaw, laws } from "./rule-decisions.ts";
import { bareLoop, load, type Place } from "./rule-loads.ts";

const help = `Measures what a large policy costs: its loading, its memory, its decisions.

  npm run bench:rules -- [--rules 1000000] [--rounds 3] [--url redis://…]

  --rules    how many there are
  --rounds   each loads them with the bare loop and with Sluice, and decides with 100 and with all
  --url      a Redis to use instead of one of its own (or SLUICE_TEST_REDIS_URL); its keys under a
             prefix of this run are removed in the end

Ends with code 1 when loading takes more than 1.3 times the bare loop's time, or a decision about one of 100 rules
more than 1.3 times as long where there are a million; of each the median over all rounds.`;

const mostTimes = 1.3;
const fewRules = 100;

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const whole = (number: number): string => Math.round(number).toLocaleString("en-US");

function heldBytes(): number {
  gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;

/** Two figures of each round. */
class Pair {
  readonly few: number[] = [];
  readonly many: number[] = [];

  get times(): number[] {
    return this.many.map((figure, round) => figure / this.few[round]!);
  }

  line(what: string, unit: string): string {
    const { times } = this;
    const spread = `${Math.min(...times).toFixed(2)} to ${Math.max(...times).toFixed(2)}`;
    return (
      `${what.padEnd(24)}${whole(median(this.many))} ${unit} against ${whole(median(this.few))} ${unit}: ` +
      `${median(times).toFixed(2)} × (${spread})`
    );
  }

  judged(): string {
    return this.met ? `, target ${mostTimes} × met` : `, target ${mostTimes} × MISSED`;
  }

  get met(): boolean {
    return median(this.times) <= mostTimes;
  }
}

class Figures {
  readonly load = new Pair();
  readonly cpu = new Pair();
  readonly decide = Object.fromEntries(Object.keys(laws).map((law) => [law, new Pair()]));
  readonly stallMs: number[] = [];
  readonly bytes: number[] = [];
}

async function round(small: Replica, many: Place, rules: number, figures: Figures): Promise<void> {
  const bare = await bareLoop(many);
  const before = heldBytes();
  const loaded = await load(many);
  figures.bytes.push((heldBytes() - before) / rules);
  figures.load.few.push(bare.tookMs);
  figures.load.many.push(loaded.tookMs);
  figures.cpu.few.push(bare.cpuMs);
  figures.cpu.many.push(loaded.cpuMs);
  figures.stallMs.push(loaded.stallMs);
  for (const [law, draw] of Object.entries(laws)) {
    figures.decide[law]!.few.push(deciding(small, draw, fewRules));
    figures.decide[law]!.many.push(deciding(loaded.replica, draw, rules));
  }
  await loaded.close();
}

async function measure(place: Place, rules: number, rounds: number): Promise<boolean> {
  const few = { ...place, prefix: `${place.prefix}few:` };
  await fillRules(few.url, few.prefix, fewRules);
  const small = await load(few);
  const many = { ...place, prefix: `${place.prefix}many:` };
  await fillRules(many.url, many.prefix, rules);
  say(`${whole(rules)} rules, ${rounds} rounds`);
  // The first round is for warming up, and tells the memory: nothing of a round before it lies about.
  const first = new Figures();
  await round(small.replica, many, rules, first);
  const { heapTotal, rss } = process.memoryUsage();
  const figures = new Figures();
  for (let n = 0; n < rounds; n++) await round(small.replica, many, rules, figures);
  await small.close();
  const { load: loading, cpu, decide: deciding } = figures;
  say(loading.line("loading", "ms") + loading.judged());
  say(cpu.line("  its processor time", "ms"));
  say(`  longest stall         ${whole(Math.max(...figures.stallMs))} ms`);
  for (const [law, pair] of Object.entries(deciding))
    say(pair.line(`decide, ${law}`, "ns") + (law === judgedLaw ? pair.judged() : ""));
  const [bytes] = first.bytes as [number];
  say(`memory                  ${whole(bytes)} bytes a rule, ${whole((bytes * rules) / 2 ** 20)} MiB in all`);
  say(`process                 heap ${whole(heapTotal / 2 ** 20)} MiB, RSS ${whole(rss / 2 ** 20)} MiB`);
  return loading.met && deciding[judgedLaw]!.met;
}

async function sweep({ url, prefix }: Place): Promise<void> {
  const client = new Redis(url);
  for await (const keys of client.scanStream({ match: `${prefix}*`, count: 1000 })) {
    if (keys.length > 0) await client.unlink(...(keys as string[]));
  }
  client.disconnect();
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      help: { type: "boolean", short: "h" },
      rules: { type: "string", default: "1000000" },
      rounds: { type: "string", default: "3" },
      url: { type: "string" },
    },
  });
  if (values.help) return say(help);
  const given = values.url ?? process.env.SLUICE_TEST_REDIS_URL;
  const own = given === undefined ? await (await import("../hosts/redis.ts")).startRedis() : null;
  const place = { url: given ?? own!.url, prefix: `sluice-bench-${process.pid}:` };
  try {
    if (!(await measure(place, Number(values.rules), Number(values.rounds)))) process.exitCode = 1;
  } finally {
    if (!own) await sweep(place);
    await own?.close();
  }
}

await main();
