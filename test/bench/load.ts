/**
 * One measurement: recorded calls of frps in a closed loop over keep-alive connections.
 *
 *   connect ──▶ warm up ──▶ count ──▶ print the figures as one line of JSON, end
 *
 * A program of its own, so that it shares nothing with what it measures but the machine. Raw HTTP over node:net with
 * requests that are built before: it must cost less than the cheapest server.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { answerBody } from "../../src/frp/answers.ts";
import { frpCalls } from "../fixtures.ts";

export interface Work {
  readonly port: number;
  /** The server's process, for its CPU time. */
  readonly pid: number;
  readonly connections: number;
  readonly warmUpMs: number;
  readonly countMs: number;
}

/** What one measurement found, under the names that stand in the table. */
export type Figures = Record<"requests/s" | "p50 ms" | "p99 ms" | "CPU µs" | "main thread µs", number>;

/** The ops take turns, each by all of its recorded calls. */
const ops = ["NewUserConn", "NewProxy", "Ping"];
const allowed = Buffer.from(answerBody({ kind: "allow" }, Buffer.alloc(0)));
const connectMs = 5_000;
/** Of clock_t, in which /proc counts; 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

const idsOfThisRun = randomBytes(4).toString("hex");
let sent = 0;

interface Request {
  readonly bytes: Buffer;
  /** Where the last eight digits of its id stand. */
  readonly countAt: number;
}

function recordedRequests(): Request[] {
  const calls = ops.map((op) => frpCalls.filter((call) => call.op === op));
  const length = Math.max(...calls.map((ofOne) => ofOne.length)) * ops.length;
  return Array.from({ length }, (_, n) => {
    const ofOne = calls[n % ops.length]!;
    const { op, headers, rawBody } = ofOne[Math.floor(n / ops.length) % ofOne.length]!;
    const all = { ...headers, "X-Frp-Reqid": `${idsOfThisRun}00000000` };
    const head = [
      `POST /handler?op=${op}&version=0.1.0 HTTP/1.1`,
      ...Object.entries(all).map(([name, value]) => `${name}: ${value}`),
    ];
    const bytes = Buffer.from(`${head.join("\r\n")}\r\n\r\n${rawBody}`);
    return { bytes, countAt: bytes.indexOf(idsOfThisRun) + idsOfThisRun.length };
  });
}

function writeCount(into: Buffer, at: number, count: number): void {
  for (let nibble = 0; nibble < 8; nibble++) {
    const figure = (count >>> (28 - nibble * 4)) & 15;
    into[at + nibble] = figure < 10 ? 0x30 + figure : 0x57 + figure;
  }
}

/** Counts by hundredths of a millisecond; what takes longer than a second counts as one. */
class Latencies {
  readonly #counts = new Uint32Array(100_001);
  total = 0;

  add(ms: number): void {
    this.#counts[Math.min(100_000, Math.floor(ms * 100))]!++;
    this.total++;
  }

  /** The time in milliseconds within which this share of the requests was answered. */
  within(share: number): number {
    let left = Math.ceil(this.total * share);
    let at = 0;
    while (at < 100_000 && left > this.#counts[at]!) left -= this.#counts[at++]!;
    return (at + 1) / 100;
  }
}

class Client {
  readonly socket: Socket;
  /** Its own, since the id is written into them; one is under way at a time. */
  readonly #requests: readonly Request[];
  readonly #answered: (ms: number) => void;
  readonly #failed: (problem: string) => void;
  #next: number;
  #sentMs = 0;
  #received = Buffer.alloc(0);

  constructor(
    port: number,
    first: number,
    requests: readonly Request[],
    answered: (ms: number) => void,
    failed: (problem: string) => void,
  ) {
    this.#next = first % requests.length;
    this.#requests = requests.map(({ bytes, countAt }) => ({ bytes: Buffer.from(bytes), countAt }));
    this.#answered = answered;
    this.#failed = failed;
    const buffer = Buffer.alloc(16 * 1024);
    const callback = (length: number): boolean => this.#read(buffer.subarray(0, length));
    this.socket = createConnection({ port, host: "127.0.0.1", noDelay: true, onread: { buffer, callback } });
    this.socket.on("error", (error) => failed(`the connection broke: ${error.message}`));
    this.socket.on("end", () => failed("the server closed the connection"));
  }

  send(nowMs: number): void {
    const { bytes, countAt } = this.#requests[this.#next]!;
    this.#next = (this.#next + 1) % this.#requests.length;
    writeCount(bytes, countAt, sent++);
    this.#sentMs = nowMs;
    this.socket.write(bytes);
  }

  #read(chunk: Buffer): boolean {
    const answer = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const end = answer.length - allowed.length;
    if (end > 0 && answer.compare(allowed, 0, allowed.length, end) === 0) {
      if (this.#received.length > 0) this.#received = Buffer.alloc(0);
      const nowMs = performance.now();
      this.#answered(nowMs - this.#sentMs);
      this.send(nowMs);
    } else if (answer.includes("}")) this.#failed(`not the answer expected: ${answer.toString()}`);
    else this.#received = Buffer.from(answer);
    return true;
  }
}

/** CPU time used so far by a process and by its main thread, microseconds; NaN where there is no /proc. */
function cpuOf(pid: number): { readonly process: number; readonly main: number } {
  const used = (path: string): number => {
    try {
      // The name in brackets may hold blanks; utime and stime are the 14th and 15th field.
      const fields = readFileSync(path, "utf8").split(") ")[1]!.split(" ");
      return ((Number(fields[11]) + Number(fields[12])) * 1e6) / ticksPerSecond;
    } catch {
      return Number.NaN;
    }
  };
  return { process: used(`/proc/${pid}/stat`), main: used(`/proc/${pid}/task/${pid}/stat`) };
}

async function measure({ port, pid, connections, warmUpMs, countMs }: Work): Promise<Figures> {
  let latencies = new Latencies();
  const { promise: broken, reject } = Promise.withResolvers<never>();
  const failed = (problem: string): void => reject(new Error(problem));
  const answered = (ms: number): void => latencies.add(ms);
  const requests = recordedRequests();
  const clients = Array.from(
    { length: connections },
    (_, n) => new Client(port, n, requests, answered, failed),
  );
  const during = (ms: number): Promise<unknown> =>
    Promise.race([broken, new Promise((resolve) => setTimeout(resolve, ms))]);
  const connected = Promise.all(clients.map(({ socket }) => once(socket, "connect")));
  await Promise.race([broken, connected]);
  for (const client of clients) client.send(performance.now());
  await during(warmUpMs);
  latencies = new Latencies();
  const [before, beganMs] = [cpuOf(pid), performance.now()];
  await during(countMs);
  const [after, spentMs] = [cpuOf(pid), performance.now() - beganMs];
  const { total } = latencies;
  if (total === 0) throw new Error(`no answer within ${countMs} ms`);
  return {
    "requests/s": (total / spentMs) * 1000,
    "p50 ms": latencies.within(0.5),
    "p99 ms": latencies.within(0.99),
    "CPU µs": (after.process - before.process) / total,
    "main thread µs": (after.main - before.main) / total,
  };
}

if (import.meta.main) {
  const work = JSON.parse(process.argv[2] ?? "") as Work;
  setTimeout(
    () => {
      process.stderr.write(`the server on port ${work.port} does not take ${work.connections} connections\n`);
      process.exit(1);
    },
    work.warmUpMs + work.countMs + connectMs,
  ).unref();
  process.stdout.write(JSON.stringify(await measure(work)), () => process.exit());
}
