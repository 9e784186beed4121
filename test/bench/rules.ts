/**
 * What a million rules cost: how long Sluice takes to load them, what memory each takes, and what they cost each
 * decision.
 *
 * Loading is compared, in turns, with the bare loop: the same client with the same options on the same Redis asks SCAN
 * with the same MATCH and COUNT, then for the keys of each answer one MGET and a PTTL for each key in one pipeline,
 * and does nothing with the answers but count them. Sluice has its policy loaded when its source has started: all rules
 * read and in force, their ends in the replica, with a last known good file to write, which it does afterwards.
 *
 * Decisions are compared, in turns, with those of a policy of 100 rules of the same mix. Ops are made just before
 * they are decided, as if read from a body, and the making is not timed. Nine in ten are about a rule and one about
 * none. Which one is drawn either by a Zipf law, so that few users make most of the calls, or evenly, so that
 * nearly no rule is in a cache of the processor; the target holds for both.
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
import { madeOp, madeRule } from "./made-rules.ts";

const help = `Measures what a large policy costs: its loading, its memory, its decisions.

  npm run bench:rules -- [--rules 1000000] [--rounds 5] [--url redis://…]

  --rules    how many there are
  --rounds   each loads them with the bare loop and with Sluice, and decides with 100 and with all
  --url      a Redis to use instead of one of its own (or SLUICE_TEST_REDIS_URL); its keys under a
             prefix of this run are removed in the end

Ends with code 1 when loading takes more than 1.3 times the bare loop's time, or a decision more than 1.3 times
one with 100 rules; of each the median over all rounds.`;

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

interface Loaded {
  readonly replica: Replica;
  close(): Promise<void>;
}

interface Place {
  readonly url: string;
  readonly prefix: string;
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

async function fill({ url, prefix }: Place, rules: number): Promise<void> {
  const client = connectionTo(url);
  await client.connect();
  for (let from = 0; from < rules; from += 1000) {
    const pipeline = client.pipeline();
    for (let n = from; n < Math.min(rules, from + 1000); n++) {
      const { key, value, ttlMs } = madeRule(n);
      if (ttlMs === null) pipeline.set(`${prefix}policy:${key}`, value);
      else pipeline.set(`${prefix}policy:${key}`, value, "PX", ttlMs);
    }
    await pipeline.exec();
  }
  client.disconnect();
}

async function bareLoop({ url, prefix }: Place): Promise<number> {
  const client = connectionTo(url);
  await client.connect();
  const from = performance.now();
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
  const tookMs = performance.now() - from;
  client.disconnect();
  if (count === 0) throw new Error("the bare loop found nothing");
  return tookMs;
}

/** Sluice's policy as it starts, in a data directory of its own. */
async function load(place: Place): Promise<Loaded & { tookMs: number; stallMs: number }> {
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
  const from = performance.now();
  loop.enable();
  await source.start();
  const tookMs = performance.now() - from;
  // The last known good file is written now.
  await new Promise((resolve) => setTimeout(resolve, 300));
  const close = async (): Promise<void> => {
    await source.close();
    await replica.close();
    rmSync(folder, { recursive: true });
  };
  loop.disable();
  return { replica, tookMs, stallMs: loop.max / 1e6, close };
}

/** Numbers below `count`, drawn by a law. */
type Draw = (count: number) => number;
const draws: Readonly<Record<string, Draw>> = {
  /** Exponent 1: the n-th most frequent has 1/n of the first one's share. Scattered, so that the mix stays. */
  zipf: (count) => (Math.floor(count ** Math.random() - 1) * 7919 + 13) % count,
  even: (count) => Math.floor(Math.random() * count),
};

/** Nanoseconds a decision. */
function deciding(replica: Replica, draw: Draw, rules: number): number {
  let tookMs = 0;
  for (let turn = 0; turn < decisionsPerRound; turn += opsAtOnce) {
    const ops = Array.from({ length: opsAtOnce }, (_, i) => {
      const strange = i % 10 === 9;
      return madeOp(draw(rules) + (strange ? rules : 0), i);
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

/** A line with both figures and how often one goes into the other; whether that is within the target. */
function compared(what: string, unit: string, [bare, full]: readonly [number[], number[]]): boolean {
  const times = full.map((figure, round) => figure / bare[round]!);
  const met = median(times) <= mostTimes;
  say(
    `${what}${whole(median(full))} ${unit} against ${whole(median(bare))} ${unit}: ${median(times).toFixed(2)} × ` +
      `(${Math.min(...times).toFixed(2)} to ${Math.max(...times).toFixed(2)}), target ${mostTimes} × ${met ? "met" : "MISSED"}`,
  );
  return met;
}

async function measure(place: Place, rules: number, rounds: number): Promise<boolean> {
  const few = { ...place, prefix: `${place.prefix}few:` };
  await fill(few, fewRules);
  const small = await load(few);
  const many = { ...place, prefix: `${place.prefix}many:` };
  await fill(many, rules);
  say(`${whole(rules)} rules`);

  const bare: number[] = [];
  const real: number[] = [];
  const stalls: number[] = [];
  const bytes: number[] = [];
  const bareNs: Record<string, number[]> = { zipf: [], even: [] };
  const fullNs: Record<string, number[]> = { zipf: [], even: [] };
  // The first round is for warming up.
  for (let round = 0; round <= rounds; round++) {
    bare.push(await bareLoop(many));
    const before = heldBytes();
    const loaded = await load(many);
    bytes.push((heldBytes() - before) / rules);
    real.push(loaded.tookMs);
    stalls.push(loaded.stallMs);
    for (const [law, draw] of Object.entries(draws)) {
      bareNs[law]!.push(deciding(small.replica, draw, fewRules));
      fullNs[law]!.push(deciding(loaded.replica, draw, rules));
    }
    await loaded.close();
    if (round > 0) continue;
    for (const figures of [bare, real, stalls, bytes, ...Object.values(bareNs), ...Object.values(fullNs)])
      figures.length = 0;
  }
  const { heapTotal, rss } = process.memoryUsage();
  await small.close();
  const met = [
    compared("loading     ", "ms", [bare, real]),
    compared("decide      by Zipf ", "ns", [bareNs.zipf!, fullNs.zipf!]),
    compared("            evenly ", "ns", [bareNs.even!, fullNs.even!]),
  ];
  say(`stall       ${whole(Math.max(...stalls))} ms at most, the last known good file's start included`);
  say(
    `memory      ${whole(median(bytes))} bytes a rule, ${whole((median(bytes) * rules) / 2 ** 20)} MiB in all`,
  );
  say(`process     heap ${whole(heapTotal / 2 ** 20)} MiB, RSS ${whole(rss / 2 ** 20)} MiB`);
  return met.every(Boolean);
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
      rounds: { type: "string", default: "5" },
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
