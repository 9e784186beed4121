/**
 * One measurement: requests in a closed loop, at a plugin's socket or through a prox.
 *
 *   connect ──▶ warm up ──▶ count ──▶ print the figures as one line of JSON, end
 *
 * A program of its own, so that it shares nothing with what it measures but the machine.
 */
import { once } from "node:events";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { decode } from "@msgpack/msgpack";
import { FrameReader, frameOf } from "../../src/prox/frames.ts";
import { envelopeOf } from "../prox/asked.ts";

export interface ProxWork {
  /** Path of a plugin's socket, or the port of a service of prox. */
  readonly at: string | number;
  readonly connections: number;
  /** Every second request is for a domain that the policy denies; whether it must be refused. */
  readonly denies: boolean;
  readonly warmUpMs: number;
  readonly countMs: number;
}

export type ProxFigures = Record<"answers/s" | "p50 ms" | "p99 ms", number>;

let latencies: number[] = [];

/** on_request, and with the next one the on_disconnect of one that was let in, as prox does. */
async function askSocket({ at, denies }: ProxWork, n: number): Promise<never> {
  const [socket, reader] = [connect(String(at)), new FrameReader()];
  await once(socket, "connect");
  const a = `203.0.113.${n % 250}:${10_000 + n}`;
  const headers = { Accept: "*/*", "User-Agent": "bench/1.0", Cookie: "session=0123456789abcdef" };
  const asked = { r: "web:0", a, m: "GET", p: "/api/items", q: "page=2", pr: "HTTP/1.1", cl: 0, h: headers };
  const requests = ["allow.test", "deny.test"].map((d) =>
    frameOf(envelopeOf("on_request", { ...asked, d, ho: d })),
  );
  const end = frameOf(
    envelopeOf("on_disconnect", { r: "web:0", a, tg: "127.0.0.1:80", rx: 0, tx: 8, ms: 1 }),
  );
  let ended: Buffer = Buffer.alloc(0);
  for (let turn = n; ; turn++) {
    const askedMs = performance.now();
    socket.write(Buffer.concat([ended, requests[turn % 2]!]));
    let answer: Buffer | undefined;
    while (answer === undefined) [answer] = reader.read((await once(socket, "data"))[0]).frames;
    latencies.push(performance.now() - askedMs);
    const { ok } = decode(answer) as { ok: boolean };
    if (ok !== !(denies && turn % 2 === 1)) throw new Error(`not the answer expected: ok is ${ok}`);
    ended = ok ? end : Buffer.alloc(0);
  }
}

/** GET over a connection that is kept. */
async function askProx({ at, denies }: ProxWork, n: number): Promise<never> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let turn = n; ; turn++) {
    const askedMs = performance.now();
    const host = turn % 2 === 0 ? "allow.test" : "deny.test";
    const sent = request({ host: "127.0.0.1", port: at, agent, path: "/api/items", headers: { host } }).end();
    const [response] = await once(sent, "response");
    await once(response.resume(), "end");
    latencies.push(performance.now() - askedMs);
    const expected = denies && turn % 2 === 1 ? 403 : 200;
    if (response.statusCode !== expected) throw new Error(`answered with ${response.statusCode}`);
  }
}

async function measure(work: ProxWork): Promise<ProxFigures> {
  const ask = typeof work.at === "string" ? askSocket : askProx;
  const asking = Array.from({ length: work.connections }, (_, n) => ask(work, n));
  const during = (ms: number): Promise<unknown> =>
    Promise.race([...asking, new Promise((resolve) => setTimeout(resolve, ms))]);
  await during(work.warmUpMs);
  latencies = [];
  const beganMs = performance.now();
  await during(work.countMs);
  const spentMs = performance.now() - beganMs;
  const sorted = latencies.sort((a, b) => a - b);
  const within = (share: number): number => sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN;
  return { "answers/s": (sorted.length / spentMs) * 1000, "p50 ms": within(0.5), "p99 ms": within(0.99) };
}

if (import.meta.main) {
  const work = JSON.parse(process.argv[2] ?? "") as ProxWork;
  process.stdout.write(JSON.stringify(await measure(work)), () => process.exit());
}
