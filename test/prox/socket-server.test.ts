import { createHash } from "node:crypto";
import fs from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { decode } from "@msgpack/msgpack";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import type { MalformedReport } from "../../src/malformed.ts";
import type { Answer, Op } from "../../src/op.ts";
import type { HookParts } from "../../src/prox/connection.ts";
import { frameOf, mostFrameBytes } from "../../src/prox/frames.ts";
import { removeStaleSocket, socketPathIn } from "../../src/prox/socket-path.ts";
import { HookServer } from "../../src/prox/socket-server.ts";
import { FakeClock } from "../fake-clock.ts";
import { proxCalls, proxSession } from "../fixtures.ts";
import { makeDir } from "../journal/harness.ts";
import { nowMs } from "../policy/cases.ts";
import { asked, envelopeOf } from "./asked.ts";
import { Talk } from "./talk.ts";

/** A server whose calls are answered as the test says; by default a path or domain with `deny` in it is refused. */
class Stage {
  readonly clock = new FakeClock(nowMs);
  readonly ops: Op[] = [];
  readonly malformed: MalformedReport[] = [];
  readonly failures: string[] = [];
  readonly path = socketPathIn(makeDir());
  readonly server: HookServer;
  handle: HookParts["handle"] = async ({ prox }) => {
    const place = prox?.path ?? prox?.domain ?? "";
    return place.includes("deny") ? { kind: "refuse", reason: place } : { kind: "allow" };
  };
  #waiting: { count: number; resolve: () => void }[] = [];

  static async open(): Promise<Stage> {
    const stage = new Stage();
    await stage.server.listen(stage.path);
    return stage;
  }

  private constructor() {
    this.server = new HookServer({
      node: "edge-1",
      deadlineMs: 1000,
      clock: this.clock,
      handle: (op, deadlineMs) => {
        this.ops.push(op);
        for (const { count, resolve } of this.#waiting) if (this.ops.length >= count) resolve();
        return this.handle(op, deadlineMs);
      },
      malformed: (report) => this.malformed.push(report),
      failed: (problem) => this.failures.push(problem),
    });
    onTestFinished(async () => {
      this.server.cut();
      await this.server.close(0);
    });
  }

  /** Resolves when this many calls have come to be decided. */
  asked(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ count, resolve });
      if (this.ops.length >= count) resolve();
    });
  }

  get names(): string[] {
    return this.ops.map(({ name }) => name);
  }
}

const visitor = { r: "web:0", a: "203.0.113.9:50000" };
const request = (path: string): Buffer => frameOf(envelopeOf("on_request", { ...visitor, p: path }));
const disconnect = frameOf(envelopeOf("on_disconnect", { ...visitor, rx: 0, tx: 1, ms: 2 }));
const allowed = { ok: true };
const refused = (reason: string): object => ({ ok: false, s: 403, b: Buffer.from(reason) });
const read = (answers: readonly Buffer[]): unknown[] => answers.map((answer) => decode(answer));

describe("the socket for prox", () => {
  it("answers a recorded session to the byte, and an on_disconnect never", async () => {
    const stage = await Stage.open();
    const connections = new Map<number, Talk>();
    for (const { conn, frame, reply, hook } of proxSession) {
      const talk = connections.get(conn) ?? (await Talk.to(stage.path));
      connections.set(conn, talk);
      const before = talk.answers.length;
      talk.send(frame);
      if (reply === null) continue;
      const answer = (await talk.take(before + 1))[before]!;
      // The words of a refused request are our own.
      if (hook === "on_request" && reply.length > 9) expect(decode(answer)).toMatchObject(refused("/deny"));
      else expect(frameOf(answer)).toEqual(reply);
    }
    for (const [conn, talk] of connections) {
      const own = proxSession.filter((one) => one.conn === conn && one.reply !== null);
      talk.send(request("/deny-last"));
      expect(decode((await talk.take(own.length + 1)).at(-1)!)).toMatchObject(refused("/deny-last"));
      expect(talk.answers).toHaveLength(own.length + 1);
      stage.ops.pop();
    }
    expect(stage.names).toEqual(proxSession.map(({ hook }) => hook));
  });

  it("hands on the op with the node, the deadline and the time of its arrival", async () => {
    const stage = await Stage.open();
    const told = new Promise<unknown[]>((resolve) => {
      stage.handle = async (...given) => {
        resolve(given);
        return { kind: "allow" };
      };
    });
    const talk = await Talk.to(stage.path);
    const { frame, hook, payload } = proxCalls.find(({ file }) => file === "on_request.post-body.json")!;
    talk.send(frame);
    expect(await told).toEqual([asked(hook, payload), 1000]);
  });

  it("decides and answers one call after the other, also when they come in one piece", async () => {
    const stage = await Stage.open();
    const answers: PromiseWithResolvers<Answer>[] = [];
    stage.handle = () => {
      const answer = Promise.withResolvers<Answer>();
      answers.push(answer);
      return answer.promise;
    };
    const talk = await Talk.to(stage.path);
    talk.send(request("/a"), request("/b"), request("/c"));
    for (let n = 0; n < 3; n++) {
      await stage.asked(n + 1);
      expect(stage.ops).toHaveLength(n + 1);
      answers[n]!.resolve(n === 1 ? { kind: "refuse", reason: "no" } : { kind: "allow" });
      await talk.take(n + 1);
    }
    expect(read(talk.answers)).toMatchObject([allowed, refused("no"), allowed]);
  });

  it("reads nothing from a connection that waits for its answer", async () => {
    const stage = await Stage.open();
    const answer = Promise.withResolvers<Answer>();
    const decide = stage.handle;
    stage.handle = (op, ms) => (op.prox?.path === "/slow" ? answer.promise : decide(op, ms));
    const [slow, other] = [await Talk.to(stage.path), await Talk.to(stage.path)];
    slow.send(request("/slow"));
    await stage.asked(1);
    slow.send(request("/deny"));
    // What was sent before these were answered could have been read by then.
    for (let n = 1; n <= 5; n++) {
      other.send(request("/a"));
      await other.take(n);
    }
    expect(slow.answers).toEqual([]);
    expect(stage.ops.map(({ prox }) => prox?.path)).not.toContain("/deny");
    answer.resolve({ kind: "allow" });
    expect(read(await slow.take(2))).toMatchObject([allowed, refused("/deny")]);
  });

  it("lets nothing wait behind an on_disconnect, and answers what follows it with its own answer", async () => {
    const stage = await Stage.open();
    const recorded = Promise.withResolvers<Answer>();
    const decide = stage.handle;
    stage.handle = (op, ms) => (op.name === "on_disconnect" ? recorded.promise : decide(op, ms));
    const talk = await Talk.to(stage.path);
    talk.send(disconnect, request("/deny"), disconnect, request("/a"));
    expect(read(await talk.take(2))).toMatchObject([refused("/deny"), allowed]);
    recorded.resolve({ kind: "refuse", reason: "as if it had an answer" });
    talk.send(disconnect, request("/b"), request("/deny-b"));
    expect(read(await talk.take(4)).slice(2)).toMatchObject([allowed, refused("/deny-b")]);
    expect(talk.answers).toHaveLength(4);
  });

  it("gives each of 64 connections its own answers, whatever pieces they send", async () => {
    const stage = await Stage.open();
    const decide = stage.handle;
    // Answers become ready in another order than they were asked for.
    stage.handle = async (op, ms) => {
      for (let turns = (op.prox?.path?.length ?? 0) % 7; turns > 0; turns--) await new Promise(setImmediate);
      return decide(op, ms);
    };
    const talks = await Promise.all(Array.from({ length: 64 }, () => Talk.to(stage.path)));
    await Promise.all(
      talks.map(async (talk, n) => {
        for (let round = 0; round < 20; round++) {
          const paths = [`/deny-${n}-${round}-${"x".repeat(n % 11)}`, `/a-${"y".repeat(round)}`];
          const stream = Buffer.concat([request(paths[0]!), disconnect, request(paths[1]!)]);
          const middle = (n * 31 + round * 17) % stream.length;
          talk.send(stream.subarray(0, middle));
          await new Promise(setImmediate);
          talk.send(stream.subarray(middle));
          const answers = await talk.take(2 * round + 2);
          expect(read(answers.slice(-2))).toMatchObject([refused(paths[0]!), allowed]);
        }
      }),
    );
    expect(stage.ops).toHaveLength(64 * 20 * 3);
    expect([stage.malformed, stage.failures]).toEqual([[], []]);
  });

  it.each<[string, Uint8Array, MalformedReport["reason"]]>([
    ["no msgpack", Buffer.from([0xc1]), "not_msgpack"],
    ["nothing", Buffer.alloc(0), "not_msgpack"],
    ["no call", Buffer.from([0x80]), "no_op"],
    ["a call with a wrong payload", envelopeOf("on_connect", { a: 1 }), "bad_content"],
  ])("reports a frame that holds %s, and closes its connection alone", async (_what, body, reason) => {
    const stage = await Stage.open();
    const [talk, other] = [await Talk.to(stage.path), await Talk.to(stage.path)];
    talk.send(request("/a"), frameOf(body), request("/b"));
    await talk.ended;
    expect(read(talk.answers)).toMatchObject([allowed]);
    const sha256 = createHash("sha256").update(body).digest("hex");
    expect(stage.malformed).toEqual([{ node: "edge-1", reason, length: body.length, sha256, peer: null }]);
    expect(stage.names).toEqual(["on_request"]);
    other.send(request("/c"));
    expect(await other.take(1)).toHaveLength(1);
  });

  it("reports a frame that is too large as soon as it says so, and reads no more of it", async () => {
    const stage = await Stage.open();
    const talk = await Talk.to(stage.path);
    const header = Buffer.alloc(4);
    header.writeUInt32BE(mostFrameBytes + 1);
    talk.send(header);
    await talk.ended;
    const sha256 = createHash("sha256").update(header).digest("hex");
    expect(stage.malformed).toEqual([{ node: "edge-1", reason: "too_large", length: 4, sha256, peer: null }]);
  });

  it("takes a frame of 4 MiB", async () => {
    const stage = await Stage.open();
    const talk = await Talk.to(stage.path);
    const around = envelopeOf("on_request", { bd: Buffer.alloc(100_000) }).length - 100_000;
    const body = envelopeOf("on_request", { bd: Buffer.alloc(mostFrameBytes - around) });
    expect(body).toHaveLength(mostFrameBytes);
    talk.send(frameOf(body));
    await talk.take(1);
    expect(stage.ops[0]?.content.bd).toMatchObject({ length: mostFrameBytes - around });
  });

  it("reports a frame that ends in the middle", async () => {
    const stage = await Stage.open();
    const talk = await Talk.to(stage.path);
    talk.send(request("/a"), request("/b").subarray(0, 9));
    await talk.take(1);
    talk.socket.end();
    await talk.ended;
    expect(stage.malformed).toMatchObject([{ reason: "cut_off", length: 9 }]);
  });

  it("publishes a hook that nobody knows, and closes the connection without an answer", async () => {
    const stage = await Stage.open();
    const talk = await Talk.to(stage.path);
    talk.send(frameOf(envelopeOf(9, { r: "web:0" })), request("/a"));
    await talk.ended;
    expect(talk.answers).toEqual([]);
    expect(stage.ops).toMatchObject([{ name: "hook_9", known: false, content: { r: "web:0" } }]);
    expect(stage.malformed).toEqual([]);
  });

  it("closes a connection whose call fails, says so, and goes on with others", async () => {
    const stage = await Stage.open();
    const decide = stage.handle;
    const talk = await Talk.to(stage.path);
    for (const frame of [request("/a"), disconnect]) {
      stage.handle = async () => {
        throw new Error("a bug");
      };
      const failing = await Talk.to(stage.path);
      failing.send(frame);
      failing.socket.end();
      await failing.ended;
      expect(failing.answers).toEqual([]);
    }
    expect(stage.failures).toEqual(["a bug", "a bug"]);
    stage.handle = decide;
    talk.send(request("/a"));
    expect(await talk.take(1)).toHaveLength(1);
  });

  it("answers what prox asked before it ended its side", async () => {
    const stage = await Stage.open();
    const talk = await Talk.to(stage.path);
    talk.send(request("/a"), request("/deny"));
    talk.socket.end();
    await talk.ended;
    expect(read(talk.answers)).toMatchObject([allowed, refused("/deny")]);
  });

  it("that closes answers what has come whole, reads no more, and leaves no file", async () => {
    const stage = await Stage.open();
    const answer = Promise.withResolvers<Answer>();
    stage.handle = () => answer.promise;
    const [busy, idle] = [await Talk.to(stage.path), await Talk.to(stage.path)];
    busy.send(request("/a"), request("/b"));
    await stage.asked(1);
    const closed = stage.server.close(5_000);
    await idle.ended;
    busy.send(request("/c"));
    await expect(Talk.to(stage.path)).rejects.toThrow(/ENOENT|ECONNREFUSED/);
    answer.resolve({ kind: "allow" });
    await closed;
    expect(await busy.take(2)).toHaveLength(2);
    await busy.ended;
    expect(stage.ops.map(({ prox }) => prox?.path)).toEqual(["/a", "/b"]);
    expect(fs.existsSync(stage.path)).toBe(false);
    expect(stage.malformed).toEqual([]);
  });

  it("that closes waits no longer than it is told to for a call that hangs", async () => {
    const stage = await Stage.open();
    stage.handle = () => new Promise(() => {});
    const talk = await Talk.to(stage.path);
    talk.send(request("/a"));
    await stage.asked(1);
    const closed = stage.server.close(5_000);
    stage.clock.advance(5_000);
    await Promise.all([closed, talk.ended]);
    expect(talk.answers).toEqual([]);
  });

  it("turns nobody away who comes while it is busy", async () => {
    const stage = await Stage.open();
    // All of them connect before the server has its turn.
    const talks = await Promise.all(Array.from({ length: 700 }, () => Talk.to(stage.path)));
    for (const [n, talk] of talks.entries()) talk.send(request(`/${n}${n % 2 ? "/deny" : ""}`));
    for (const [n, talk] of talks.entries()) {
      const [answer] = read(await talk.take(1));
      expect(answer).toMatchObject({ ok: n % 2 === 0 });
      talk.socket.destroy();
    }
  });

  it("may be written to by nobody else", async () => {
    const { path } = await Stage.open();
    expect(fs.statSync(path).mode & 0o777).toBe(0o600);
  });
});

describe("where the socket lies", () => {
  const long = (dir: string): string => join(dir, "x".repeat(100));
  const stale = async (path: string): Promise<void> => {
    const dead = createServer();
    await new Promise<void>((resolve) => dead.listen(path, resolve));
    fs.renameSync(path, `${path}.kept`);
    await new Promise((resolve) => dead.close(resolve));
    fs.renameSync(`${path}.kept`, path);
  };

  it("is in the folder, or under a short name where its path would be too long", () => {
    const [dir, temporary] = [makeDir(), makeDir()];
    expect(socketPathIn(dir, temporary)).toBe(join(dir, "prox.sock"));
    const far = socketPathIn(long(dir), temporary);
    expect(far.startsWith(join(temporary, "sluice-"))).toBe(true);
    expect(socketPathIn(long(dir), temporary)).toBe(far);
    expect(socketPathIn(`${long(dir)}y`, temporary)).not.toBe(far);
    expect(fs.statSync(join(far, "..")).mode & 0o777).toBe(0o700);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), (length) => {
        expect(Buffer.byteLength(socketPathIn(join(dir, "d".repeat(length)), temporary))).toBeLessThan(104);
      }),
    );
  });

  it("is never a folder that others can enter", () => {
    const [dir, temporary] = [makeDir(), makeDir()];
    const own = join(socketPathIn(long(dir), temporary), "..");
    fs.chmodSync(own, 0o755);
    expect(() => socketPathIn(long(dir), temporary)).toThrow(/not ours alone/);
    fs.rmdirSync(own);
    fs.symlinkSync(makeDir(), own);
    expect(() => socketPathIn(long(dir), temporary)).toThrow(/not ours alone/);
    expect(() => socketPathIn(long(dir), long(temporary))).toThrow(/shorter path/);
  });

  it("is freed of what a dead process left, and of nothing else", async () => {
    const dir = makeDir();
    const path = socketPathIn(dir);
    await stale(path);
    await expect(Talk.to(path)).rejects.toThrow("ECONNREFUSED");
    const stage = new HookServer({
      node: "edge-1",
      deadlineMs: 1000,
      clock: new FakeClock(),
      handle: async () => ({ kind: "allow" }),
      malformed: () => {},
      failed: () => {},
    });
    await stage.listen(path);
    const talk = await Talk.to(path);
    talk.send(request("/a"));
    expect(await talk.take(1)).toHaveLength(1);
    talk.socket.destroy();
    await stage.close(0);
    fs.writeFileSync(path, "mine");
    expect(() => removeStaleSocket(path)).toThrow(/in the way/);
    expect(fs.readFileSync(path, "utf8")).toBe("mine");
    expect(() => removeStaleSocket(join(dir, "none.sock"))).not.toThrow();
  });
});
