/**
 * How long a change of the policy takes to be in force in a whole bridge under load.
 *
 * One user's rule is flipped between deny and allow while that user's pings come in an open loop. The journal says the
 * rest: the revision of each policy.changed is that of one flip and no other, its time the moment when it came into
 * force, and each op has the revision that decided it.
 *
 *   in force      from the SET's reply to the time of the policy.changed of that flip, or of a later one; such a time is
 *                 exact to the millisecond and counted as its end
 *   answered      from the SET's reply to the first answer, of an op sent behind that reply, which obeys: it waits for
 *                 the next op to come, and for its record to be on disk
 *   old answers   from the SET's reply to the last op that was sent behind it and still decided by an older rule;
 *                 0 when there was none
 */
import { parseArgs } from "node:util";
import { Redis } from "ioredis";
import { openReader } from "../../src/journal/reader.ts";
import { RuleSet } from "../../src/policy/rule-set.ts";
import { pingsOf } from "../app/call-mix.ts";
import { type Flip, flipRule, flipValue } from "../app/flips.ts";
import { type Answer, idOf, Load } from "../app/load.ts";
import { startBridge } from "../hosts/bridge.ts";
import { closeAll } from "../hosts/open.ts";
import { startRedis } from "../hosts/redis.ts";

const help = `Measures how long a policy change takes from Redis to be in force in a loaded bridge.

  node test/bench/flips.ts [--count 1000] [--per-second 1000] [--gap-ms 10]

  --count        changes to measure
  --per-second   ops offered meanwhile, whether they are answered or not
  --gap-ms       longest pause between two changes; each is a random part of it

Ends with code 1 when p99 of in force is above 10 ms.`;

const targetMs = 10;
/** Of the load before the first flip, so that the bridge has met its hot path. */
const warmUpS = 2;

interface Work {
  readonly count: number;
  readonly perSecond: number;
  readonly gapMs: number;
}

/** An answer, and the number of the flip that decided it. */
interface Decided extends Answer {
  readonly by: number;
}

interface Journal {
  /** By the id of its event, the flip that decided an op. */
  readonly ops: ReadonlyMap<string, number>;
  /** By flip, when it came into force, by performance.now() of this process; flips that were never read are absent. */
  readonly inForceMs: ReadonlyMap<number, number>;
}

async function measure({ count, perSecond, gapMs }: Work): Promise<boolean> {
  const redis = await startRedis();
  const key = "sluice:policy:user:alice";
  const operator = new Redis(redis.url);
  await operator.set(key, flipValue(0).value);
  operator.disconnect();
  const bridge = await startBridge({ "redis.url": redis.url, "log.level": "warn" });
  const load = new Load({ url: bridge.url, perSecond, everyMs: 1, next: pingsOf("alice") });
  await load.more(warmUpS * perSecond);
  const startedMs = performance.now();
  const flips = await flipRule({ url: redis.url, key, count, gapMs }, Math.random);
  const spentMs = performance.now() - startedMs;
  await load.more(perSecond / 10);
  await load.stop();
  await bridge.stop();
  const answered = load.answers.filter(({ sentMs }) => sentMs >= startedMs).length;
  say(
    `${count} flips in ${(spentMs / 1000).toFixed(1)} s, ${Math.round((answered / spentMs) * 1000)} ops/s answered, ${load.unanswered.length} unanswered`,
  );
  const { ops, inForceMs } = await journalOf(bridge.dataDir, count);
  const decided = load.answers
    .map((answer) => ({ ...answer, by: ops.get(idOf(answer.call)) ?? -1 }))
    .sort((a, b) => a.sentMs - b.sentMs);
  const since = (n: number, ms = Number.POSITIVE_INFINITY): number => ms - flips[n]!.repliedMs;
  const from = firstKnownFrom(inForceMs, count);
  const p99 = row(
    "in force",
    flips.map((_, n) => since(n, from[n + 1])),
  );
  row(
    "answered",
    flips.map((flip, n) => since(n, firstObeying(decided, flip, n + 1)?.atMs)),
  );
  row(
    "old answers",
    flips.map((_, n) => Math.max(0, since(n, decided.findLast(({ by }) => by <= n)?.sentMs ?? 0))),
  );
  const met = p99 <= targetMs;
  say(`target: p99 of in force at most ${targetMs} ms: ${met ? "met" : "missed"}`);
  return met;
}

async function journalOf(dir: string, count: number): Promise<Journal> {
  const flipOf = new Map<string, number>();
  for (let n = 0; n <= count; n++) flipOf.set(new RuleSet([["user:alice", flipValue(n).value]]).revision, n);
  const [ops, inForceMs] = [new Map<string, number>(), new Map<number, number>()];
  const reader = await openReader({ dir, from: 1 });
  for (;;) {
    const items = await reader.next(1024 * 1024, Number.POSITIVE_INFINITY);
    if (items.length === 0) break;
    for (const item of items) {
      if (!("record" in item)) throw new Error("the journal is damaged");
      const { id, type, time, policyrev } = JSON.parse(item.record.event) as Record<string, string>;
      const by = flipOf.get(policyrev!) ?? -1;
      if (type === "sluice.policy.changed") inForceMs.set(by, Date.parse(time!) + 1 - performance.timeOrigin);
      else ops.set(id!, by);
    }
  }
  await reader.close();
  return { ops, inForceMs };
}

/** By flip, when it or a later one came into force. */
function firstKnownFrom(inForceMs: ReadonlyMap<number, number>, count: number): number[] {
  const times: number[] = [];
  let nextMs = Number.POSITIVE_INFINITY;
  for (let n = count; n >= 0; n--) {
    nextMs = inForceMs.get(n) ?? nextMs;
    times[n] = nextMs;
  }
  return times;
}

/** Of the ops that were sent when Redis had confirmed flip `n`, the first answered that it or a later one decided. */
function firstObeying(decided: readonly Decided[], { repliedMs }: Flip, n: number): Decided | undefined {
  let first: Decided | undefined;
  for (let at = firstSentFrom(decided, repliedMs); at < decided.length; at++) {
    const op = decided[at]!;
    if (first && op.sentMs >= first.atMs) break;
    if (op.by >= n && op.atMs < (first?.atMs ?? Number.POSITIVE_INFINITY)) first = op;
  }
  return first;
}

function firstSentFrom(decided: readonly Decided[], ms: number): number {
  let [low, high] = [0, decided.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (decided[middle]!.sentMs < ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

function row(name: string, valuesMs: readonly number[]): number {
  const sorted = valuesMs.toSorted((a, b) => a - b);
  const within = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  const cell = (ms: number): string => `${ms.toFixed(3)} ms`.padStart(10);
  say(`${name.padEnd(20)} p50 ${cell(within(0.5))}   p99 ${cell(within(0.99))}   max ${cell(within(1))}`);
  return within(0.99);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

const { values } = parseArgs({
  options: {
    help: { type: "boolean", short: "h" },
    count: { type: "string", default: "1000" },
    "per-second": { type: "string", default: "1000" },
    "gap-ms": { type: "string", default: "10" },
  },
});
if (values.help) say(help);
else {
  try {
    const work = {
      count: Number(values.count),
      perSecond: Number(values["per-second"]),
      gapMs: Number(values["gap-ms"]),
    };
    if (!(await measure(work))) process.exitCode = 1;
  } finally {
    await closeAll();
  }
}
