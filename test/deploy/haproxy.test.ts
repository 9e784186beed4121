/** deploy/haproxy before two servers that stand for bridges, of which one takes no connection. */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { expect, it } from "vitest";
import { eventually } from "../eventually.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { temporaryFolder } from "../hosts/folder.ts";
import { startHaproxy } from "../hosts/haproxy.ts";
import { closeWithFile } from "../hosts/open.ts";
import { freePort } from "../hosts/ports.ts";
import { NativeServer } from "../hosts/server.ts";

const connections = 300;
/** Of them at least, when they go away. */
const waiting = 150;
/** As proc(5) has it in /proc/net/tcp: TCP_SYN_SENT of the kernel's net/tcp_states.h. */
const synSent = "02";

describeWith(["haproxy"], "HAProxy", () => {
  it("stays with the bridge that the calls are with, however many wait for their connection", async () => {
    let ready = false;
    const first = await balanced(() => ready);
    const second = await balanced(() => true);
    const taken: string[] = [];
    const atFirst = createServer((socket) => {
      taken.push("first");
      socket.on("error", () => {});
    });
    await listening(atFirst, Number(first.addr.split(":")[1]));
    const slow = await takesFew(Number(second.addr.split(":")[1]));
    const haproxy = await startHaproxy(first, second);
    const port = Number(haproxy.addr.split(":")[1]);

    await haproxy.log.saw(/ready\/first is DOWN/);
    connect(port, "127.0.0.1");
    await slow.log.saw(/taken/);
    ready = true;
    await haproxy.log.saw(/ready\/first is UP/);
    await slow.pause();
    const sockets = Array.from({ length: connections }, () =>
      connect(port, "127.0.0.1").on("error", () => {}),
    );
    await Promise.all(sockets.map((socket) => once(socket, "connect")));
    // One that HAProxy has not looked at when it goes away waits for nobody, and is not logged.
    await eventually(async () => expect(await beingMadeTo(second.addr)).toBeGreaterThanOrEqual(waiting));
    let from = haproxy.log.lines.length;
    for (const socket of sockets) socket.destroy();
    for (let waited = 0; waited < waiting; waited++) {
      const line = await haproxy.log.saw(/plugin ready\/.* CC /, { from });
      from = haproxy.log.lines.indexOf(line, from) + 1;
    }
    expect(taken).toEqual([]);
    expect(haproxy.log.lines.filter((line) => /plugin ready\/first/.test(line))).toEqual([]);
  });
});

/** How many connections to `addr`, a loopback address, have asked and have no answer yet, by Linux's own table. */
async function beingMadeTo(addr: string): Promise<number> {
  const remote = `0100007F:${Number(addr.split(":")[1]).toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = (await readFile("/proc/net/tcp", "utf8")).split("\n");
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , to, state]) => to === remote && state === synSent).length;
}

/** Where a bridge would be, whose /readyz answers 200 as long as `ready` says so. */
async function balanced(ready: () => boolean) {
  const admin = createHttpServer((_request, response) => response.writeHead(ready() ? 200 : 503).end());
  const port = await listening(admin, 0);
  return { addr: `127.0.0.1:${await freePort()}`, adminUrl: `http://127.0.0.1:${port}` };
}

async function listening(server: Server, port: number): Promise<number> {
  closeWithFile({ [Symbol.asyncDispose]: async () => void server.close() });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** For which the system takes two connections while it is paused. */
async function takesFew(port: number): Promise<NativeServer> {
  const program = `require("net").createServer(() => console.log("taken")).listen(${port}, "127.0.0.1", 1, () => console.log("listens"))`;
  const folder = await temporaryFolder("takes-few");
  const command = { program: process.execPath, args: ["-e", program], cwd: folder.path, env: {} };
  const server = new NativeServer({
    command,
    ready: /listens/,
    readyWithinMs: 20_000,
    graceMs: 1000,
    folder,
  });
  await server.start();
  return server;
}
