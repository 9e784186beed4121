/**
 * Where the journal's group commit runs: on the main thread or in a worker. `node test/bench/trial/journal.ts`
 * Closed loop: `waiting` appenders, each with one record of ~1.2 KB, with or without other work per record.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { GroupCommit, stores as makers, type Store } from "./stores.ts";
import { inTurns, print } from "./turns.ts";

const line = `${JSON.stringify({ specversion: "1.0", id: "x".repeat(36), data: "y".repeat(1150) })}\n`;
const body = JSON.stringify({ content: Array.from({ length: 120 }, (_, i) => `value-${i}`) });

async function load(
  store: Store,
  waiting: number,
  parses: number,
  forMs: number,
): Promise<Record<string, number>> {
  const journal = new GroupCommit(store);
  const latencies: number[] = [];
  const endMs = performance.now() + forMs;
  const appender = async (): Promise<void> => {
    while (performance.now() < endMs) {
      for (let i = 0; i < parses; i++) JSON.parse(body);
      const startMs = performance.now();
      await journal.append(line);
      latencies.push(performance.now() - startMs);
      await nextTurn(); // as when each request comes with its own socket event
    }
  };
  const [main, all, startMs] = [process.threadCpuUsage(), process.cpuUsage(), performance.now()];
  await Promise.all(Array.from({ length: waiting }, appender));
  const [spentMs, mainUsed, allUsed] = [
    performance.now() - startMs,
    process.threadCpuUsage(main),
    process.cpuUsage(all),
  ];
  const count = latencies.length;
  latencies.sort((a, b) => a - b);
  return {
    "records/s": (count / spentMs) * 1000,
    "main thread µs": (mainUsed.user + mainUsed.system) / count,
    "process µs": (allUsed.user + allUsed.system) / count,
    "records a sync": count / journal.batches,
    "p50 ms": latencies[count >> 1] ?? 0,
    "p99 ms": latencies[Math.floor(count * 0.99)] ?? 0,
  };
}

for (const [waiting, parses] of [
  [32, 0],
  [256, 0],
  [32, 2],
  [256, 2],
] as const) {
  const dir = fs.mkdtempSync(join(import.meta.dirname, ".journal-"));
  const stores = new Map(Object.entries(makers).map(([name, make], i) => [name, make(join(dir, `${i}`))]));
  const measure = (name: string) => load(stores.get(name) as Store, waiting, parses, 350);
  const table = await inTurns([...stores.keys()], measure, "main thread µs");
  print(`${waiting} waiting${parses ? ", with other work for each record" : ""}`, table);
  for (const store of stores.values()) await store.close();
  fs.rmSync(dir, { recursive: true });
}
