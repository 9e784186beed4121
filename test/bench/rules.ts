/**
 * What a million rules cost: how long Sluice takes to load them, what memory each takes, and what they cost each
 * decision.
 *
 * Loading is compared, in turns, with the bare loop: the same client with the same options on the same Redis asks SCAN
 * with the same MATCH and COUNT, then for the keys of each answer one MGET and a PTTL for each key in one pipeline,
 * and does nothing with the answers but count them. Sluice has its policy loaded when its source has started: all rules
 * read and in force, their ends in the replica, with a last known good file to write, which it does afterwards.
 *
 * Decisions are compared, in turns, with those of a policy of 100 rules of the same mix, for the same sequence of kinds
 * of ops: nine in ten are about a rule and one about none. They are made just before they are decided, as if read from a
 * body, and the making is not timed. The target is for what differs in nothing but the number of rules: ops about 100
 * rules, drawn evenly, in a policy that has no others and in one that has a million. Two other figures show how little of
 * a large policy is in the caches of the processor: ops about rules of 10,000 clients that are connected, drawn by a Zipf
 * law, and about all rules, drawn evenly, each beside ops about the 100 of a small policy.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Redis } from "ioredis";
import { systemClock } from "../../src/clock.ts";
import { decide } from "../../src/policy/decide.ts";
import type { Facts } from "../../src/policy/facts.ts";
import { LastKnownGood } from "../../src/policy/last-known-good.ts";
import { RedisSource } from "../../src/policy/redis.ts";
import { Replica } from "../../src/policy/replica.ts";
import { fillRules, madeOp } from "./made-rules.ts";

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
const decisionsPerRound = 200_000;
/** Ops made at once, and then decided: few enough to stay in the processor's caches. */
const opsAtOnce = 100;

const facts: Facts = {
  nowMs: Date.now(),
  tokenMeta: "token",
  connections: { open: () => 1, begun: () => 1, logins: () => 1, endsAnnounced: () => true },
  proxies: { others: () => 1 },
};
const silent = { info() {}, warn() {}, error() {} };

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const whole = (number: number): string => Math.round(number).toLocaleString("en-US");

interface Took {
  readonly tookMs: number;
  /** Of all threads of this process, those of the garbage collector among them. */
  readonly cpuMs: number;
}

interface Loaded extends Took {
  readonly replica: Replica;
  readonly stallMs: number;
  close(): Promise<void>;
}

interface Place {
  readonly url: string;
  readonly prefix: string;
}

function stopwatch(): () => Took {
  const from = performance.now();
  const cpu = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    return { tookMs: performance.now() - from, cpuMs: (user + system) / 1000 };
  };
}

function connectionTo(url: string): Redis {
  const { hostname, port } = new URL(url);
  return new Redis({
    host: hostname,
    port: Number(port),
    protocol: 2,
    lazyConnect: true,
    retryStrategy: null,
    enableReadyCheck: false,
    enableOfflineQueue: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    disableClientInfo: true,
  });
}

async function bareLoop({ url, prefix }: Place): Promise<Took> {
  const client = connectionTo(url);
  await client.connect();
  const took = stopwatch();
  let [cursor, count] = ["0", 0];
  do {
    const [next, keys] = await client.scan(cursor, "MATCH", `${prefix}policy:*`, "COUNT", 1000);
    cursor = next;
    if (keys.length === 0) continue;
    const pipeline = client.pipeline().mget(...keys);
    for (const key of keys) pipeline.pttl(key);
    const answers = (await pipeline.exec()) as [null, unknown][];
    count += (answers[0]![1] as unknown[]).length;
  } while (cursor !== "0");
  const figures = took();
  client.disconnect();
  if (count === 0) throw new Error("the bare loop found nothing");
  return figures;
}

/** Sluice's policy as it starts, in a data directory of its own. */
async function load(place: Place): Promise<Loaded> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-bench-rules-"));
  const good = { path: join(folder, "good.json"), source: "bench", clock: systemClock, log: silent };
  const replica = new Replica({
    settings: {
      default: "allow",
      mode: "enforce",
      ownNames: true,
      tokenMeta: "token",
      maxStaleMs: 300_000,
      whenStale: "serve",
    },
    clock: systemClock,
    log: silent,
    onNote: () => {},
    lastKnownGood: new LastKnownGood(good),
  });
  await replica.restore();
  const timing = { startWithinMs: 600_000 };
  const source = new RedisSource({ redis: place, replica, clock: systemClock, timing });
  const loop = monitorEventLoopDelay({ resolution: 1 });
  const took = stopwatch();
  loop.enable();
  await source.start();
  const figures = took();
  // The last known good file is written now.
  await new Promise((resolve) => setTimeout(resolve, 300));
  const close = async (): Promise<void> => {
    await source.close();
    await replica.close();
    rmSync(folder, { recursive: true });
  };
  loop.disable();
  return { replica, ...figures, stallMs: loop.max / 1e6, close };
}

/** Draws a rank; the rank says which rule of how many. */
const connected = 10_000;
const laws: Readonly<Record<string, () => number>> = {
  /** Exponent 1: the n-th most frequent has 1/n of the first one's share. */
  "10,000 by Zipf": () => Math.floor(connected ** Math.random() - 1),
  "100 evenly": () => Math.floor(Math.random() * 100),
  "all evenly": () => Math.floor(Math.random() * 2 ** 30),
};
const judgedLaw = "100 evenly";

/** For each rank the same place in a hundred, whatever the size, and so the same kind of rule. */
function ruleOf(rank: number, rules: number): number {
  return ((rank * 61) % 100) + 100 * ((rank * 7919) % Math.floor(rules / 100));
}

/** Nanoseconds a decision. */
function deciding(replica: Replica, draw: () => number, rules: number): number {
  let tookMs = 0;
  for (let turn = 0; turn < decisionsPerRound; turn += opsAtOnce) {
    const ops = Array.from({ length: opsAtOnce }, (_, i) => {
      const strange = i % 10 === 9;
      return madeOp(ruleOf(draw(), rules) + (strange ? rules : 0), i);
    });
    const from = performance.now();
    for (const op of ops) decide(replica, op, facts);
    tookMs += performance.now() - from;
  }
  return (tookMs * 1e6) / decisionsPerRound;
}

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
