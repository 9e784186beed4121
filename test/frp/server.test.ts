import { once } from "node:events";
import { Agent, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { Callers } from "../../src/frp/caller.ts";
import { frpEdge } from "../../src/frp/edge.ts";
import { type CallLimits, PluginPort, type PortTls } from "../../src/frp/server.ts";
import type { MalformedReport } from "../../src/malformed.ts";
import type { Answer } from "../../src/op.ts";
import { Authority } from "../hosts/certificates.ts";

const login = '{"version":"0.1.0","op":"Login","content":{"user":"alice"}}';
const agents: Agent[] = [];

afterEach(() => {
  for (const agent of agents.splice(0)) agent.destroy();
});

async function listening(tls: PortTls | null = null, limits?: CallLimits) {
  let stopping = false;
  const waiting: ((answer: Answer) => void)[] = [];
  let arrived = (): void => undefined;
  let reported = (_report: MalformedReport): void => undefined;
  const state = { holdAnswers: false };
  const app = frpEdge({
    path: "/handler",
    deadlineMs: 2000,
    loginsPerMinute: () => 0,
    callers: new Callers({ node: "frps", auth: undefined, nodes: {} }),
    clock: systemClock,
    handle: () => {
      if (!state.holdAnswers) return Promise.resolve({ kind: "allow" });
      return new Promise((resolve) => {
        waiting.push(resolve);
        arrived();
      });
    },
    malformed: (report) => reported(report),
    observer: { turnedAway: () => {}, floodRefused: () => {} },
    stopping: () => stopping,
  });
  const port = new PluginPort(app.fetch, systemClock, tls, limits);
  const address = await port.listen("127.0.0.1", 0);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  agents.push(agent);
  return {
    port,
    agent,
    address,
    state,
    waiting,
    nextOp: () => new Promise<void>((resolve) => (arrived = resolve)),
    nextReport: () => new Promise<MalformedReport>((resolve) => (reported = resolve)),
    stop: (drainMs: number) => {
      stopping = true;
      return port.stop(drainMs);
    },
    post: () => post(address.port, agent),
  };
}

function post(
  port: number,
  agent: Agent,
): Promise<{ status: number; connection: string | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const call = request({ port, host: "127.0.0.1", path: "/handler", method: "POST", agent }, (response) => {
      let body = "";
      response.on("data", (chunk) => (body += chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode!, connection: response.headers.connection, body }),
      );
    });
    call.on("error", reject);
    call.end(login);
  });
}

const limits: CallLimits = { headersMs: 20, requestMs: 30_000, lookEveryMs: 5 };

function secured(): PortTls {
  const { cert, key } = new Authority().issue({ hosts: ["127.0.0.1"] });
  return { shown: { cert: Buffer.from(cert), key: Buffer.from(key) }, onFailure: () => {} };
}

async function openPlain(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  return socket;
}

async function openTls(port: number): Promise<Socket> {
  const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
  await once(socket, "secureConnect");
  return socket;
}

/** All that comes until the other side closes the connection. */
async function textOf(socket: Socket): Promise<string> {
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return text;
}

describe("the plugin port", () => {
  it("answers a call that comes on an idle connection after the stop began, and closes that connection", async () => {
    const { post, stop } = await listening();
    expect((await post()).connection).toBe("keep-alive");
    const stopped = stop(60_000);
    expect(await post()).toMatchObject({
      status: 200,
      connection: "close",
      body: '{"reject":false,"unchange":true}',
    });
    await stopped;
  });

  it("answers what is in flight when the stop begins", async () => {
    const { post, stop, state, waiting, nextOp } = await listening();
    state.holdAnswers = true;
    const there = nextOp();
    const answered = post();
    await there;
    const stopped = stop(60_000);
    waiting[0]!({ kind: "refuse", reason: "no" });
    expect((await answered).body).toBe('{"reject":true,"reject_reason":"no"}');
    await stopped;
  });

  it("takes no new connection once it stops, and ends the idle ones after the drain", async () => {
    const { post, stop, address } = await listening();
    await post();
    const stopped = stop(50);
    const late = new Agent();
    agents.push(late);
    await stopped;
    await expect(
      new Promise((resolve, reject) =>
        connect(address.port, "127.0.0.1").on("connect", resolve).on("error", reject),
      ),
    ).rejects.toThrow("ECONNREFUSED");
  });

  it("keeps an idle connection longer than frps does, which is 90 s", async () => {
    const { post, port, stop } = await listening();
    await post();
    expect(port.keepAliveMs).toBeGreaterThan(90_000);
    await stop(0);
  });

  it.each(["http", "https"])(
    "cuts who is late with a call, and never who has not begun one, over %s",
    async (scheme) => {
      const { address, stop } = await listening(scheme === "https" ? secured() : null, limits);
      const open = scheme === "https" ? openTls : openPlain;
      const silent = await open(address.port);
      const late = await open(address.port);
      late.write("POST /handler HTTP/1.1\r\nHo");
      expect(await textOf(late)).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\nConnection: close\r\n\r\n$/);
      silent.write(`POST /handler HTTP/1.1\r\nHost: x\r\nContent-Length: ${login.length}\r\n\r\n${login}`);
      const [answer] = await once(silent, "data");
      expect(String(answer)).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      silent.write("POST /handler HTTP/1.1\r\nHo");
      expect(await textOf(silent)).toMatch(/^HTTP\/1\.1 408 /);
      await stop(0);
    },
  );

  it.each([
    ["what is not HTTP", "\x16\x03\x01\x02", "400 Bad Request"],
    ["headers beyond 16 KiB", `POST / HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(17_000)}`, "431 Request"],
  ])("answers %s and closes the connection", async (_what, bytes, status) => {
    const { address, stop } = await listening();
    const socket = await openPlain(address.port);
    socket.write(bytes);
    expect(await textOf(socket)).toContain(`HTTP/1.1 ${status}`);
    await stop(0);
  });

  it("cuts at the end of the drain also who is still in the TLS handshake", async () => {
    const problems: string[] = [];
    const { address, stop } = await listening({
      ...secured(),
      onFailure: (problem) => problems.push(problem),
    });
    const socket = await openPlain(address.port);
    const ended = textOf(socket);
    await stop(20);
    await ended;
    // Its handshake did not come to its own end.
    expect(problems).toEqual([]);
  });

  it("reports a caller that goes away in the middle of a body", async () => {
    const { nextReport, address, stop } = await listening();
    const report = nextReport();
    const socket = connect(address.port, "127.0.0.1", () => {
      socket.write('POST /handler HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"op"', () =>
        socket.destroy(),
      );
    });
    expect(await report).toMatchObject({ reason: "cut_off", length: 5 });
    await stop(0);
  });

  it("answers pipelined calls in order", async () => {
    const { address, stop } = await listening();
    const one = `POST /handler HTTP/1.1\r\nHost: x\r\nContent-Length: ${login.length}\r\n\r\n${login}`;
    const bad = "POST /handler HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n[]";
    const socket = connect(address.port, "127.0.0.1", () => socket.write(one + bad + one));
    const statuses = await new Promise<string[]>((resolve) => {
      let text = "";
      socket.on("data", (chunk) => {
        text += chunk;
        const seen = text.match(/HTTP\/1\.1 \d+/g) ?? [];
        if (seen.length === 3) resolve(seen);
      });
    });
    expect(statuses).toEqual(["HTTP/1.1 200", "HTTP/1.1 400", "HTTP/1.1 200"]);
    socket.destroy();
    await stop(0);
  });

  it("that is taken says so, and names the setting", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => taken.once("listening", resolve));
    const { port } = taken.address() as AddressInfo;
    const second = new PluginPort(() => new Response(), systemClock);
    await expect(second.listen("127.0.0.1", port)).rejects.toMatchObject({
      code: "port_in_use",
      message: expect.stringContaining("SLUICE_HTTP_PORT"),
    });
    taken.close();
  });
});
