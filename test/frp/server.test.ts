import { Agent, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { Callers } from "../../src/frp/caller.ts";
import { frpEdge } from "../../src/frp/edge.ts";
import { PluginPort } from "../../src/frp/server.ts";
import type { MalformedReport } from "../../src/malformed.ts";
import type { Answer } from "../../src/op.ts";

const login = '{"version":"0.1.0","op":"Login","content":{"user":"alice"}}';
const agents: Agent[] = [];

afterEach(() => {
  for (const agent of agents.splice(0)) agent.destroy();
});

async function listening() {
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
  const port = new PluginPort(app.fetch, systemClock);
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
