/**
 * How a body is read and an answer written, on Hono and on bare node:http. `node test/bench/trial/http.ts [group]`
 * Each variant is a process of its own, kept alive; one closed loop of 32 connections goes to each in turn.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { groups } from "./http-variants.ts";
import { inTurns, print } from "./turns.ts";

const fixture = new URL("../../fixtures/frp/NewUserConn.tcp.json", import.meta.url);
const { rawBody } = JSON.parse(readFileSync(fixture, "utf8")) as { rawBody: string };
/** As frps sends it. */
const request = Buffer.from(
  [
    "POST /handler/edge-1?op=NewUserConn&version=0.1.0 HTTP/1.1",
    "Host: 127.0.0.1:9000",
    "User-Agent: Go-http-client/1.1",
    `Content-Length: ${Buffer.byteLength(rawBody)}`,
    "Content-Type: application/json",
    "X-Frp-Reqid: 406759d5abb47c44",
    "Accept-Encoding: gzip",
    "",
    rawBody,
  ].join("\r\n"),
);
const answerEnd = '"unchange":true}';

interface Server {
  readonly child: ChildProcess;
  readonly sockets: readonly Socket[];
}

async function start(variant: string): Promise<Server> {
  const child = fork(new URL("./http-variants.ts", import.meta.url), [variant], {
    execArgv: ["--no-warnings"],
  });
  const [port] = (await once(child, "message")) as [number];
  const sockets = Array.from({ length: 32 }, () => createConnection(port, "127.0.0.1"));
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
  return { child, sockets };
}

/** The CPU time that the server's main thread and its whole process have used so far, microseconds. */
async function cpuOf({ child }: Server): Promise<[number, number]> {
  child.send("cpu");
  const [used] = (await once(child, "message")) as [[number, number]];
  return used;
}

async function load(server: Server, requests: number): Promise<Record<string, number>> {
  const [mainBefore, allBefore] = await cpuOf(server);
  const startMs = performance.now();
  let left = requests;
  const latencies: number[] = [];
  await Promise.all(server.sockets.map((socket) => drive(socket, () => left-- > 0, latencies)));
  const spentMs = performance.now() - startMs;
  const [main, all] = await cpuOf(server);
  latencies.sort((a, b) => a - b);
  return {
    "server µs": (all - allBefore) / requests,
    "its main thread µs": (main - mainBefore) / requests,
    "requests/s": (requests / spentMs) * 1000,
    "p50 ms": latencies[latencies.length >> 1] ?? 0,
    "p99 ms": latencies[Math.floor(latencies.length * 0.99)] ?? 0,
  };
}

function drive(socket: Socket, more: () => boolean, latencies: number[]): Promise<void> {
  return new Promise((done, fail) => {
    let sentMs = 0;
    const next = (): void => {
      if (more()) {
        sentMs = performance.now();
        socket.write(request);
      } else {
        socket.removeAllListeners("data");
        done();
      }
    };
    let seen = "";
    socket.on("data", (chunk) => {
      seen += chunk.toString("latin1");
      if (!seen.startsWith("HTTP/1.1 200")) return fail(new Error(seen));
      if (!seen.endsWith(answerEnd)) return;
      seen = "";
      latencies.push(performance.now() - sentMs);
      next();
    });
    next();
  });
}

for (const [group, variants] of Object.entries(groups)) {
  if (process.argv[2] && process.argv[2] !== group) continue;
  const servers = new Map<string, Server>();
  for (const variant of Object.keys(variants)) servers.set(variant, await start(variant));
  const table = await inTurns(
    [...servers.keys()],
    (name) => load(servers.get(name) as Server, 6_000),
    "server µs",
    9,
  );
  print(group, table);
  for (const { child, sockets } of servers.values()) {
    for (const socket of sockets) socket.destroy();
    child.kill();
  }
}
