/**
 * How long a change of the policy takes to be obeyed.
 *
 * A second thread writes rules with its own client: `SET sluice:policy:user:alice "deny <n>"`, one after the other,
 * at rest. Each note of the replica is followed, in the same turn, by a decision for an op of alice; the first that
 * gives `<n>`, or a later one when that has overwritten it already, as its reason obeys. Times are on the monotonic clock that both threads share.
 *
 *   from the reply   from the moment when the writer had the SET's reply; below zero, the bridge was first
 *   from sending     from just before the writer sent the SET
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { Redis } from "ioredis";
import { systemClock } from "../../src/clock.ts";
import type { Op } from "../../src/op.ts";
import { decide } from "../../src/policy/decide.ts";
import { LastKnownGood } from "../../src/policy/last-known-good.ts";
import { RedisSource } from "../../src/policy/redis.ts";
import { Replica } from "../../src/policy/replica.ts";

interface Work {
  readonly url: string;
  readonly prefix: string;
  readonly count: number;
  readonly gapMs: number;
}

/** One SET, by the writer's clock. */
interface Written {
  readonly sentMs: number;
  readonly repliedMs: number;
}

const help = `Measures how long a policy change takes from Redis to the first decision that obeys it.

  node test/bench/policy.ts [--count 1000] [--gap-ms 2] [--rules 0] [--url redis://…]

  --count    changes to measure
  --gap-ms   longest pause between two changes; each is a random part of it
  --rules    other rules in Redis, loaded before; their load is timed as well
  --url      a Redis to use instead of one of its own (or SLUICE_TEST_REDIS_URL); its keys under a
             prefix of this run are removed in the end

Ends with code 1 when p99 from the reply is above 2.5 ms.`;

const targetMs = 2.5;

function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

async function write({ url, prefix, count, gapMs }: Work): Promise<void> {
  const client = new Redis(url);
  const key = `${prefix}policy:user:alice`;
  await client.ping();
  const written: Written[] = [];
  for (let n = 0; n < count; n++) {
    const sentMs = nowMs();
    await client.set(key, `deny ${n}`);
    written.push({ sentMs, repliedMs: nowMs() });
    await delay(Math.random() * gapMs);
  }
  client.disconnect();
  parentPort?.postMessage(written);
}

const op: Op = {
  protocol: "frp",
  node: "bench",
  name: "Ping",
  known: true,
  refusable: true,
  reqid: null,
  user: "alice",
  client: null,
  proxy: null,
  remote: null,
  metas: null,
  proxyOptions: null,
  clientInfo: null,
  traffic: null,
  prox: null,
  content: {},
  atMs: 0,
};

async function measure(work: Work, rules: number): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  const obeyedMs = new Map<number, number>();
  const silent = { info() {}, warn() {}, error() {} };
  const replica: Replica = new Replica({
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
    onNote: () => {
      const { reason } = decide(replica, op, {
        nowMs: systemClock.now(),
        tokenMeta: "token",
        connections: { open: () => 0, begun: () => 0, logins: () => 0, endsAnnounced: () => false },
        proxies: { others: () => 0 },
      });
      obeyedMs.set(Number(reason), nowMs());
    },
    lastKnownGood: new LastKnownGood({
      path: join(folder, "good.json"),
      source: "bench",
      clock: systemClock,
      log: silent,
    }),
  });
  await replica.restore();
  const source = new RedisSource({
    redis: work,
    replica,
    clock: systemClock,
    timing: { startWithinMs: 120_000 },
  });
  await fill(work, rules);
  await load(source, replica);
  const worker = new Worker(import.meta.filename, { workerData: work });
  const { promise, resolve, reject } = Promise.withResolvers<Written[]>();
  worker.once("message", resolve).once("error", reject);
  const written = await promise;
  await source.close();
  await replica.close();
  rmSync(folder, { recursive: true });
  await sweep(work);
  const obeyed = obeyedFrom(written, obeyedMs);
  const p99 = row(
    "from the reply",
    written.map(({ repliedMs }, n) => obeyed[n]! - repliedMs),
  );
  row(
    "from sending",
    written.map(({ sentMs }, n) => obeyed[n]! - sentMs),
  );
  const met = p99 <= targetMs;
  say(`target: p99 from the reply at most ${targetMs} ms: ${met ? "met" : "missed"}`);
  return met;
}

/** When each value, or one written after it, was first obeyed. */
function obeyedFrom(written: readonly Written[], obeyedMs: ReadonlyMap<number, number>): number[] {
  const times: number[] = [];
  let nextMs = Number.POSITIVE_INFINITY;
  for (let n = written.length - 1; n >= 0; n--) {
    nextMs = obeyedMs.get(n) ?? nextMs;
    times[n] = nextMs;
  }
  return times;
}

async function load(source: RedisSource, replica: Replica): Promise<void> {
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  const startedMs = nowMs();
  await source.start();
  const tookMs = nowMs() - startedMs;
  loop.disable();
  say(
    `loaded ${replica.rules.size} rules in ${tookMs.toFixed(0)} ms; the event loop was held ${(loop.max / 1e6).toFixed(1)} ms at most`,
  );
}

async function fill({ url, prefix }: Work, rules: number): Promise<void> {
  const client = new Redis(url);
  for (let from = 0; from < rules; from += 1000) {
    const pairs = Array.from({ length: Math.min(1000, rules - from) }, (_, i) => [
      `${prefix}policy:user:u${from + i}`,
      "allow",
    ]);
    await client.mset(pairs.flat());
  }
  client.disconnect();
}

async function sweep({ url, prefix }: Work): Promise<void> {
  const client = new Redis(url);
  for await (const keys of client.scanStream({ match: `${prefix}*`, count: 1000 })) {
    if (keys.length > 0) await client.unlink(...(keys as string[]));
  }
  client.disconnect();
}

function row(name: string, valuesMs: number[]): number {
  const sorted = valuesMs.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  const cell = (ms: number): string => `${ms.toFixed(3)} ms`.padStart(10);
  say(`${name.padEnd(15)} p50 ${cell(at(0.5))}   p99 ${cell(at(0.99))}   max ${cell(at(1))}`);
  return at(0.99);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      help: { type: "boolean", short: "h" },
      count: { type: "string", default: "1000" },
      "gap-ms": { type: "string", default: "2" },
      rules: { type: "string", default: "0" },
      url: { type: "string" },
    },
  });
  if (values.help) return say(help);
  const given = values.url ?? process.env.SLUICE_TEST_REDIS_URL;
  const own = given === undefined ? await (await import("../hosts/redis.ts")).startRedis() : null;
  const prefix = `sluice-bench-${process.pid}:`;
  const work = {
    url: given ?? own!.url,
    prefix,
    count: Number(values.count),
    gapMs: Number(values["gap-ms"]),
  };
  try {
    if (!(await measure(work, Number(values.rules)))) process.exitCode = 1;
  } finally {
    await own?.close();
  }
}

if (isMainThread) await main();
else await write(workerData as Work);
