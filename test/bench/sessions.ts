/**
 * What a million open sessions cost: memory for each, time for each op, and how long a snapshot, a restart and a
 * list take.
 *
 * Ops go through the sessions as the bridge does it, without decision and journal. Starts and ends on top of all
 * open sessions are compared with the same ones on top of none, in turns.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { systemClock } from "../../src/clock.ts";
import { opId } from "../../src/events/ids.ts";
import { nodeFiles } from "../../src/journal/files.ts";
import type { Kept } from "../../src/journal/journal.ts";
import type { Op } from "../../src/op.ts";
import { listSessions } from "../../src/sessions/listing.ts";
import { Sessions } from "../../src/sessions/sessions.ts";
import { snapshotLines } from "../../src/sessions/snapshot.ts";
import { readSnapshot, snapshotVersion, writeSnapshot } from "../../src/sessions/snapshot-file.ts";
import { SnapshotLoading } from "../../src/sessions/snapshot-loading.ts";

import { decision } from "./alone/made-events.ts";

const help = `Measures what open sessions cost.

  npm run bench:sessions -- [--sessions 1000000] [--proxies 10000] [--rounds 5]`;

const opsPerRound = 100_000;
const instance = "i_bench";
const kept = Promise.resolve<Kept>({ ok: true });

function sessionsOf(): Sessions {
  return new Sessions({
    maxOpen: 10_000_000,
    maxAgeMs: 86_400_000,
    endGraceMs: 60_000,
    announcedTypes: () => ["tcp"],
    origin: { instance, epoch: "019b76da-a800-7000-8000-000000000000" },
    clock: systemClock,
    // As the journal does: the event is written out at once.
    publish: (draft) => {
      draft.render({ sequence: 1, journalseq: 1 });
      return kept;
    },
    observer: {
      opened: () => {},
      ended: () => {},
      unpaired: () => {},
      confirmed: () => {},
      endsAnnounced: () => {},
    },
  });
}

/** Every op is made of texts of its own, as a parsed body is. */
function op(name: "NewUserConn" | "CloseUserConn", n: number, proxies: number): Op {
  const of = n % proxies;
  const client = of >> 2;
  return {
    protocol: "frp",
    node: "edge-1",
    name,
    known: true,
    refusable: name === "NewUserConn",
    reqid: n.toString(16).padStart(16, "0"),
    user: `user${client}`,
    client: `c_${client.toString(16).padStart(16, "0")}`,
    proxy: { name: `user${client}.p${of & 3}`, type: "tcp", domains: [], remotePort: null },
    remote: { ip: `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`, port: 1024 + (n % 60_000) },
    metas: null,
    proxyOptions: null,
    clientInfo: null,
    traffic: null,
    prox: null,
    content: {},
    atMs: systemClock.now(),
  };
}

function take(sessions: Sessions, name: "NewUserConn" | "CloseUserConn", n: number, proxies: number): void {
  const asked = op(name, n, proxies);
  const id = opId(asked.node, asked.reqid!, name);
  sessions.record(asked, decision, id, sessions.begin(asked, id), systemClock.monotonic());
}

/** Microseconds an op, of starts and then of their ends. */
function round(sessions: Sessions, from: number, proxies: number): { start: number; end: number } {
  const times = [performance.now()];
  for (let n = 0; n < opsPerRound; n++) take(sessions, "NewUserConn", from + n, proxies);
  times.push(performance.now());
  for (let n = 0; n < opsPerRound; n++) take(sessions, "CloseUserConn", from + n, proxies);
  times.push(performance.now());
  const [began, between, ended] = times as [number, number, number];
  return { start: ((between - began) * 1000) / opsPerRound, end: ((ended - between) * 1000) / opsPerRound };
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;
}

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

function heapBytes(): number {
  gc();
  return process.memoryUsage().heapUsed;
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const ms = (from: number): string => `${Math.round(performance.now() - from).toLocaleString("en-US")} ms`;

async function withStall(work: () => Promise<unknown>): Promise<string> {
  const stall = monitorEventLoopDelay({ resolution: 1 });
  const from = performance.now();
  stall.enable();
  await work();
  stall.disable();
  return `${ms(from)}, longest stall ${(stall.max / 1e6).toFixed(0)} ms`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      help: { type: "boolean", short: "h" },
      sessions: { type: "string", default: "1000000" },
      proxies: { type: "string", default: "10000" },
      rounds: { type: "string", default: "5" },
    },
  });
  if (values.help) return say(help);
  const [count, proxies, rounds] = [Number(values.sessions), Number(values.proxies), Number(values.rounds)];
  const [full, empty] = [sessionsOf(), sessionsOf()];
  const before = heapBytes();
  const filling = performance.now();
  for (let n = 0; n < count; n++) take(full, "NewUserConn", n, proxies);
  const filledUs = ((performance.now() - filling) * 1000) / count;
  const bytes = (heapBytes() - before) / count;
  say(`${count.toLocaleString("en-US")} sessions of ${proxies.toLocaleString("en-US")} proxies`);
  say(
    `memory      ${bytes.toFixed(0)} bytes a session, ${((bytes * count) / 2 ** 20).toFixed(0)} MiB in all`,
  );
  say(`filling     ${filledUs.toFixed(2)} µs a start`);

  const figures = { full: { start: [], end: [] }, empty: { start: [], end: [] } } as Record<
    string,
    Record<string, number[]>
  >;
  for (let turn = 0; turn <= rounds; turn++) {
    for (const [name, sessions] of Object.entries({ full, empty })) {
      const { start, end } = round(sessions, count + turn * opsPerRound, proxies);
      if (turn === 0) continue;
      figures[name]!.start!.push(start);
      figures[name]!.end!.push(end);
    }
  }
  for (const what of ["start", "end"]) {
    const [onTop, alone] = [median(figures.full![what]!), median(figures.empty![what]!)];
    say(
      `${what.padEnd(12)}${onTop.toFixed(2)} µs on top of them, ${alone.toFixed(2)} µs on top of none: ${(onTop / alone).toFixed(2)} ×`,
    );
  }

  const dir = mkdtempSync(join(tmpdir(), "sluice-bench-sessions-"));
  try {
    let size = 0;
    const header = { version: snapshotVersion, instance, through: 1 };
    const written = await withStall(async () => {
      size = (await writeSnapshot(dir, header, snapshotLines(full), async () => true, nodeFiles)) ?? 0;
    });
    say(`snapshot    ${(size / 2 ** 20).toFixed(0)} MiB in ${written}`);
    const loaded = sessionsOf();
    loaded.beginRecovery();
    const loading = new SnapshotLoading(loaded, systemClock);
    const from = performance.now();
    await readSnapshot(dir, (line) => loading.take(line));
    say(`loading     ${loaded.open.size.toLocaleString("en-US")} sessions in ${ms(from)}`);
    const listed = await withStall(() =>
      listSessions(full, { users: ["user1"], limit: 1000 }, systemClock.now(), systemClock.monotonic()),
    );
    say(`listing     those of one user in ${listed}`);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  for (const sessions of [full, empty]) sessions.stop();
}

await main();
