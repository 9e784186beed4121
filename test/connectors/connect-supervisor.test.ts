/** deploy/connect's supervisor, over a fake clock and a REST port that says what a test tells it to. */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it } from "vitest";
import { Supervisor } from "../../deploy/connect/supervisor.mjs";
import { sluice } from "../cli/sluice.ts";
import { FakeClock } from "../fake-clock.ts";
import { closeWithFile } from "../hosts/open.ts";
import { freePort } from "../hosts/ports.ts";

interface Part {
  readonly state: string;
  readonly id?: number;
  readonly trace?: string;
}

const running: Part = { state: "RUNNING" };
const trace = `org.apache.kafka.connect.errors.ConnectException: Exiting WorkerSinkTask.
\tat org.apache.kafka.connect.runtime.WorkerSinkTask.deliver(WorkerSinkTask.java:1)
Caused by: org.apache.kafka.connect.errors.ConnectException: sink failed
\t... 9 more
Caused by: java.net.ConnectException: Connection refused \u001b[2J
\t... 12 more
`;
const failed: Part = { state: "FAILED", trace };

/** Stands for a worker. */
async function startRest() {
  const restarts: string[] = [];
  const rest = {
    connectors: new Map<string, { connector: Part; tasks: readonly Part[] }>(),
    restarts,
    /** What a restart is answered with. */
    restartCode: 202,
    /** In place of the connectors. */
    says: undefined as { status: number; body: string } | "nothing" | undefined,
    authorization: undefined as string | undefined,
    url: "",
    close: async () => {},
  };
  const server = createServer((request: IncomingMessage, response) => {
    rest.authorization = request.headers.authorization;
    if (request.method === "POST") {
      restarts.push(request.url!);
      response.writeHead(rest.restartCode).end('{"message":"said so"}');
      return;
    }
    if (rest.says === "nothing") return;
    if (rest.says) {
      response.writeHead(rest.says.status).end(rest.says.body);
      return;
    }
    const all = [...rest.connectors].map(([name, status]) => [name, { status: { name, ...status } }]);
    response.end(JSON.stringify(Object.fromEntries(all)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  rest.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  rest.close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  closeWithFile({ [Symbol.asyncDispose]: rest.close });
  return rest;
}

const restartOf = (name: string): string => `/connectors/${name}/restart?includeTasks=true&onlyFailed=true`;

describe("the supervisor", () => {
  let rest: Awaited<ReturnType<typeof startRest>>;
  let clock: FakeClock;
  let lines: string[];
  beforeEach(async () => {
    rest = await startRest();
    clock = new FakeClock();
    lines = [];
  });

  const supervisor = (more: Partial<ConstructorParameters<typeof Supervisor>[0]> = {}): Supervisor =>
    new Supervisor({
      urls: [rest.url],
      everyMs: 1_000,
      firstWaitMs: 5_000,
      longestWaitMs: 15_000,
      answerWithinMs: 30_000,
      giveUpAfterMs: null,
      clock,
      log: (line) => lines.push(line),
      ...more,
    });

  it("restarts failed tasks and failed connectors, and nothing else", async () => {
    const task = { id: 0, ...running };
    rest.connectors.set("well", { connector: running, tasks: [task] });
    rest.connectors.set("starting", { connector: running, tasks: [{ id: 0, state: "UNASSIGNED" }] });
    rest.connectors.set("a task", { connector: running, tasks: [task, { ...failed, id: 1 }] });
    rest.connectors.set("connector", { connector: failed, tasks: [] });
    rest.connectors.set("paused", { connector: { state: "PAUSED" }, tasks: [{ ...failed, id: 0 }] });
    rest.connectors.set("stopped", { connector: { state: "STOPPED" }, tasks: [] });
    expect(await supervisor().look()).toBe(true);
    expect(rest.restarts).toEqual([restartOf("a%20task"), restartOf("connector")]);
    const why =
      "org.apache.kafka.connect.errors.ConnectException: Exiting WorkerSinkTask. (java.net.ConnectException: Connection refused [2J)";
    expect(lines).toEqual([
      `a task: task 1 failed: ${why}; restart 1, the next after 5 s`,
      `connector: connector failed: ${why}; restart 1, the next after 5 s`,
    ]);
  });

  it("waits twice as long after each restart of a connector, up to the longest wait, and anew once it ran", async () => {
    rest.connectors.set("sink", { connector: running, tasks: [{ ...failed, id: 0 }] });
    const supervising = supervisor();
    const restartsAtS: number[] = [];
    for (let second = 0; second <= 50; second++) {
      await supervising.look();
      while (restartsAtS.length < rest.restarts.length) restartsAtS.push(second);
      clock.advance(1_000);
    }
    expect(restartsAtS).toEqual([0, 5, 15, 30, 45]);
    // Unassigned tells nothing yet.
    rest.connectors.set("sink", { connector: running, tasks: [{ id: 0, state: "UNASSIGNED" }] });
    clock.advance(15_000);
    await supervising.look();
    expect(lines).toHaveLength(5);
    rest.connectors.set("sink", { connector: running, tasks: [{ id: 0, ...running }] });
    await supervising.look();
    expect(lines.at(-1)).toBe("sink: runs again, 5 restarts");
    rest.connectors.set("sink", { connector: running, tasks: [{ ...failed, id: 0 }] });
    await supervising.look();
    expect(lines.at(-1)).toMatch(/restart 1, the next after 5 s$/);
  });

  it("says when a restart was refused, and asks again after the wait", async () => {
    rest.connectors.set("sink", { connector: failed, tasks: [] });
    rest.restartCode = 500;
    const supervising = supervisor();
    await supervising.look();
    expect(lines.at(-1)).toMatch(
      /; not restarted: .*\/connectors\/sink\/restart answered 500 \{"message":"said so"\}$/,
    );
    await supervising.look();
    expect(rest.restarts).toHaveLength(1);
    rest.restartCode = 204;
    clock.advance(5_000);
    await supervising.look();
    expect(lines.at(-1)).toMatch(/; restart 2, the next after 10 s$/);
  });

  it("a rebalance makes no wait longer", async () => {
    rest.connectors.set("sink", { connector: failed, tasks: [] });
    rest.restartCode = 409;
    const supervising = supervisor();
    for (let second = 0; second < 20; second++) {
      await supervising.look();
      clock.advance(1_000);
    }
    expect(rest.restarts).toHaveLength(4);
    expect(lines).toHaveLength(4);
    rest.restartCode = 202;
    await supervising.look();
    expect(lines.at(-1)).toMatch(/; restart 1, the next after 5 s$/);
  });

  it("looks after those alone that it was given, with the password it was given", async () => {
    for (const name of ["ours", "theirs"]) rest.connectors.set(name, { connector: failed, tasks: [] });
    await supervisor({ connectors: ["ours"], auth: "user:pässwörd–" }).look();
    expect(rest.restarts).toEqual([restartOf("ours")]);
    expect(rest.authorization).toBe(`Basic ${Buffer.from("user:pässwörd–").toString("base64")}`);
  });

  it("says once that a connector it was given is not there, and again when it has gone", async () => {
    rest.connectors.set("sluice-flat", { connector: running, tasks: [] });
    const supervising = supervisor({ connectors: ["sluice-flat", "sluice-flta"] });
    await supervising.look();
    await supervising.look();
    expect(lines).toEqual(["sluice-flta: there is no such connector"]);
    rest.connectors.clear();
    await supervising.look();
    await supervising.look();
    expect(lines.slice(1)).toEqual(["sluice-flat: there is no such connector"]);
    rest.connectors.set("sluice-flat", { connector: running, tasks: [] });
    await supervising.look();
    rest.connectors.clear();
    await supervising.look();
    expect(lines.slice(2)).toEqual(["sluice-flat: there is no such connector"]);
  });

  it("forgets a connector that was deleted while it waited", async () => {
    rest.connectors.set("sink", { connector: failed, tasks: [] });
    const supervising = supervisor();
    await supervising.look();
    rest.connectors.clear();
    await supervising.look();
    rest.connectors.set("sink", { connector: failed, tasks: [] });
    await supervising.look();
    expect(lines.at(-1)).toMatch(/; restart 1, the next after 5 s$/);
    expect(rest.restarts).toHaveLength(2);
  });

  it.each([
    ["an error", { status: 500, body: '{"error_code":500,"message":"Request timed out"}' }, /500.*timed out/],
    ["a page of a proxy", { status: 502, body: "<html>\n<h1>Bad Gateway</h1>" }, /502 <html> <h1>Bad/],
    ["a page of another server", { status: 200, body: "<html>It works</html>" }, /is no Connect worker/],
    ["a list", { status: 200, body: '["sink"]' }, /is no Connect worker/],
    ["nothing", { status: 200, body: "null" }, /is no Connect worker/],
    ["no status", { status: 200, body: '{"sink":null}' }, /is no Connect worker/],
    ["no tasks", { status: 200, body: '{"sink":{"status":{"connector":{}}}}' }, /is no Connect worker/],
  ])("outlives a worker that answers with %s, and says so once", async (_what, says, said) => {
    rest.connectors.set("sink", { connector: failed, tasks: [] });
    rest.says = says;
    const supervising = supervisor();
    expect(await supervising.look()).toBe(true);
    expect(await supervising.look()).toBe(true);
    expect(lines).toEqual([expect.stringMatching(said)]);
    rest.says = undefined;
    await supervising.look();
    expect(rest.restarts).toHaveLength(1);
  });

  it("gives a worker that never answers its time, then asks the next", async () => {
    const other = await startRest();
    other.connectors.set("sink", { connector: failed, tasks: [] });
    rest.says = "nothing";
    const asked = Promise.withResolvers<void>();
    const impatient = {
      monotonic: () => clock.monotonic(),
      after(delayMs: number, task: () => void) {
        asked.resolve();
        return clock.after(delayMs, task);
      },
    };
    const looked = supervisor({ urls: [rest.url, other.url], clock: impatient }).look();
    await asked.promise;
    clock.advance(30_000);
    expect(await looked).toBe(true);
    expect(other.restarts).toHaveLength(1);
  });

  it("asks the next worker where one does not answer, and says once that none does", async () => {
    rest.connectors.set("sink", { connector: failed, tasks: [] });
    const nobody = `http://127.0.0.1:${await freePort()}`;
    const supervising = supervisor({ urls: [nobody, rest.url], giveUpAfterMs: 10_000 });
    await supervising.look();
    expect(rest.restarts).toHaveLength(1);
    await rest.close();
    lines = [];
    for (const waitMs of [0, 4_000, 5_999]) {
      clock.advance(waitMs);
      expect(await supervising.look()).toBe(true);
    }
    expect(lines).toEqual([expect.stringMatching(/^no worker answers: fetch failed: .*ECONNREFUSED/)]);
    clock.advance(1);
    expect(await supervising.look()).toBe(false);
    expect(lines.at(-1)).toMatch(/^no worker has answered for 10 s: .*; giving up$/);
  });

  it("looks again and again until it is stopped", async () => {
    const stop = new AbortController();
    const looks: number[] = [];
    const after = (delayMs: number, task: () => void): (() => void) => {
      if (delayMs !== 1_000) return clock.after(delayMs, task);
      looks.push(delayMs);
      if (looks.length === 3) stop.abort();
      else task();
      return () => {};
    };
    const ended = supervisor({ clock: { monotonic: () => clock.monotonic(), after } }).run(stop.signal);
    expect(await ended).toBe("stopped");
    expect(looks).toHaveLength(3);
  });
});

const command: [string, ...string[]] = [
  process.execPath,
  fileURLToPath(new URL("../../deploy/connect/supervise.mjs", import.meta.url)),
];

it("the supervisor's program explains itself, refuses what it cannot read, and gives up with code 3", async () => {
  const help = await sluice(["--help"], { command });
  expect(help).toMatchObject({ code: 0, stderr: "", stdout: expect.stringContaining("--give-up-after") });
  for (const args of [
    ["--every", "0"],
    ["--url", "here"],
    ["--url", "http://user:password@here"],
    ["--url", "http://user:password@here:port"],
    ["--url", "ftp://user:password@here"],
    ["--url", "user:password@here"],
    ["--evry", "1"],
  ]) {
    const { code, stderr } = await sluice(args, { command });
    expect([code, stderr]).toEqual([2, expect.stringContaining("--help tells")]);
    expect(stderr).not.toContain("password@");
  }
  const nobody = [
    "--url",
    `http://127.0.0.1:${await freePort()}`,
    "--every",
    "0.05",
    "--give-up-after",
    "0.1",
  ];
  const { code, stdout } = await sluice(nobody, { command });
  expect([code, stdout]).toEqual([3, expect.stringContaining("giving up")]);
});
