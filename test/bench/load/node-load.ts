/**
 * The load generator where there is no Go: the same work and the same figures as load/go.
 *
 *   connect ──▶ warm up ──▶ count ──▶ print the figures as one line of JSON, end
 *
 * A program of its own, so that it shares nothing with what it measures but the machine. Calls that were made before, raw
 * over node:net; as frps asks by node:http, with an agent that keeps two idle connections.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { createConnection, type Socket } from "node:net";
import { cpuOf } from "../process-usage.ts";
import type { Asking, Figures } from "./generator.ts";
import { Latencies } from "./latencies.ts";
import { CallRow } from "./node-calls.ts";
import { OpenLoop } from "./open-loop.ts";

export interface Work extends Asking {
  readonly perSecond: number;
  readonly pool: string;
  readonly expected: string;
  readonly run: number;
  readonly firstPass: number;
}

const work = JSON.parse(process.argv[2] ?? "") as Work;
const calls = new CallRow(readFileSync(work.pool), work.run, work.firstPass);
const expected = Buffer.from(`\r\n\r\n${work.expected}`);
const longestMs = 5_000;
const agent = new Agent({ keepAlive: true, maxFreeSockets: 2 });
let latencies = new Latencies();
let connectionsOpened = 0;
let over = false;
/** Of an open loop what was due before counting began is left out: what warming up left over is no part of it. */
let dueFromMs = Number.NEGATIVE_INFINITY;

function fail(problem: string): never {
  process.stderr.write(`load: ${problem}\n`);
  process.exit(1);
}

class Client {
  readonly socket: Socket;
  readonly #answered: (client: Client, nowMs: number) => void;
  #fromMs = 0;
  #busy = false;
  #received: Buffer = Buffer.alloc(0);

  constructor(answered: (client: Client, nowMs: number) => void) {
    this.#answered = answered;
    const buffer = Buffer.alloc(4096);
    const callback = (length: number): boolean => this.#read(buffer.subarray(0, length));
    const { port } = work;
    this.socket = createConnection({ port, host: "127.0.0.1", noDelay: true, onread: { buffer, callback } });
    this.socket.on("error", (error) => fail(`the connection broke: ${error.message}`));
    this.socket.on("end", () => fail("the server closed the connection"));
  }

  /** Since when a call is under way; null when none is. */
  get fromMs(): number | null {
    return this.#busy ? this.#fromMs : null;
  }

  send(fromMs: number): void {
    this.#fromMs = fromMs;
    this.#busy = true;
    this.socket.write(calls.take().bytes);
  }

  #read(chunk: Buffer): boolean {
    const answer = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const end = answer.length - expected.length;
    if (end > 0 && answer.compare(expected, 0, expected.length, end) === 0) {
      if (answer.toString("latin1", 0, 13) !== "HTTP/1.1 200 ") fail(`not the answer expected: ${answer}`);
      if (this.#received.length > 0) this.#received = Buffer.alloc(0);
      const nowMs = performance.now();
      if (this.#fromMs >= dueFromMs) latencies.add(nowMs - this.#fromMs);
      this.#busy = false;
      this.#answered(this, nowMs);
    } else if (answer.at(-1) === 0x7d) fail(`not the answer expected: ${answer}`);
    else this.#received = Buffer.from(answer);
    return true;
  }
}

async function clients(answered: (client: Client, nowMs: number) => void): Promise<Client[]> {
  const all = Array.from({ length: work.connections }, () => new Client(answered));
  await Promise.all(all.map(({ socket }) => once(socket, "connect")));
  return all;
}

async function closed(): Promise<() => void> {
  const all = await clients((client, nowMs) => client.send(nowMs));
  for (const one of all) one.send(performance.now());
  return () => {
    // A call that is never answered would leave the closed loop faster than before.
    const waitedMs = Math.max(...all.map(({ fromMs }) => performance.now() - (fromMs ?? performance.now())));
    if (waitedMs > longestMs) fail(`a call has had no answer for ${Math.round(waitedMs)} ms`);
  };
}

async function open(): Promise<() => void> {
  const free: Client[] = [];
  const loop = new OpenLoop(work.perSecond, performance.now(), Math.random);
  const send = (): void => {
    while (free.length > 0) {
      const dueMs = loop.take(performance.now());
      if (dueMs === undefined) return;
      free.pop()!.send(dueMs);
    }
  };
  const all = await clients((client) => {
    free.push(client);
    send();
  });
  free.push(...all);
  // Timers are in whole milliseconds: what is due within the next one is waited for turn by turn.
  const turn = (): void => {
    send();
    if (loop.nextMs - performance.now() > 1.5) setTimeout(turn, 1);
    else setImmediate(turn);
  };
  turn();
  return () => {
    const nowMs = performance.now();
    for (const dueMs of [...all.map(({ fromMs }) => fromMs), ...loop.waiting])
      if (dueMs !== null && dueMs >= dueFromMs) latencies.add(nowMs - dueMs);
  };
}

async function ask(): Promise<void> {
  const { op, id, body } = calls.take();
  const fromMs = performance.now();
  const asked = request({
    method: "POST",
    port: work.port,
    host: "127.0.0.1",
    agent,
    path: `/handler?op=${op}&version=0.1.0`,
    headers: { "Content-Type": "application/json", "X-Frp-Reqid": id, "Accept-Encoding": "gzip" },
  });
  asked.end(Buffer.from(body));
  const [response] = await once(asked, "response");
  if (!asked.reusedSocket) connectionsOpened++;
  let text = "";
  for await (const chunk of response) text += chunk;
  if (response.statusCode !== 200 || text !== work.expected) fail(`not the answer expected: ${text}`);
  latencies.add(performance.now() - fromMs);
}

async function frps(): Promise<() => void> {
  for (let n = 0; n < work.connections; n++) void repeat(ask);
  return () => {};
}

async function bursts(): Promise<() => void> {
  void repeat(() => Promise.all(Array.from({ length: work.connections }, ask)));
  return () => {};
}

async function repeat(turn: () => Promise<unknown>): Promise<void> {
  while (!over) await turn().catch((thrown: Error) => over || fail(thrown.message));
}

function own(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

const finish = await { closed, open, frps, bursts }[work.mode]();
await new Promise((resolve) => setTimeout(resolve, work.warmUpMs));
latencies = new Latencies();
connectionsOpened = 0;
const [before, ownBefore, beganMs] = [cpuOf(work.pid), own(), performance.now()];
if (work.mode === "open") dueFromMs = beganMs;
await (work.countMs > 0
  ? new Promise((resolve) => setTimeout(resolve, work.countMs))
  : once(process.stdin.resume(), "end"));
const [after, ownAfter, spentMs] = [cpuOf(work.pid), own(), performance.now() - beganMs];
finish();
over = true;
const { total } = latencies;
if (total === 0) fail(`no answer within ${work.countMs} ms`);
const figures: Figures = {
  answers: total,
  seconds: spentMs / 1000,
  perSecond: (total / spentMs) * 1000,
  p50: latencies.within(0.5),
  p99: latencies.within(0.99),
  p999: latencies.within(0.999),
  max: latencies.within(1),
  cpuUs: (after.process - before.process) / total,
  mainThreadUs: (after.main - before.main) / total,
  generatorUs: (ownAfter - ownBefore) / total,
  connectionsOpened,
};
process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.exit());
