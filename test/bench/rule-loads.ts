/**
 * Loads a million rules, once as Sluice does and once as the bare loop: the same client with the same options on the same
 * Redis asks SCAN with the same MATCH and COUNT, then for the keys of each answer one MGET and a PTTL for each key in one
 * pipeline, and does nothing with the answers but count them. Sluice has its policy loaded when its source has started:
 * all rules read and in force, their ends in the replica, with a last known good file to write, which it does afterwards.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Redis } from "ioredis";
import { systemClock } from "../../src/clock.ts";
import { LastKnownGood } from "../../src/policy/last-known-good.ts";
import { RedisSource } from "../../src/policy/redis.ts";
import { Replica } from "../../src/policy/replica.ts";

const silent = { info() {}, warn() {}, error() {} };

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

export interface Place {
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

export async function bareLoop({ url, prefix }: Place): Promise<Took> {
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
export async function load(place: Place): Promise<Loaded> {
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
