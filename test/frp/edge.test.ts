import { Readable } from "node:stream";
import type { HttpBindings } from "@hono/node-server";
import { describe, expect, it } from "vitest";
import { Callers } from "../../src/frp/caller.ts";
import { frpEdge } from "../../src/frp/edge.ts";
import type { MalformedReport } from "../../src/malformed.ts";
import type { Answer, Op } from "../../src/op.ts";
import { FakeClock } from "../fake-clock.ts";
import { frpCalls, frpSession } from "../fixtures.ts";

interface Setup {
  readonly answer?: Answer;
  readonly stopping?: boolean;
  readonly loginsPerMinute?: number;
  readonly auth?: string;
}

function edge({ answer = { kind: "allow" }, stopping = false, loginsPerMinute = 0, auth }: Setup = {}) {
  const ops: Op[] = [];
  const malformed: MalformedReport[] = [];
  const turnedAway: number[] = [];
  const clock = new FakeClock();
  const app = frpEdge({
    path: "/handler",
    deadlineMs: 2000,
    loginsPerMinute: () => loginsPerMinute,
    callers: new Callers({ node: "frps", auth, nodes: { b: { subdomainHost: "b.test" } } }),
    clock,
    handle: async (op) => {
      ops.push(op);
      return answer;
    },
    malformed: (report) => malformed.push(report),
    observer: { turnedAway: (status) => turnedAway.push(status), floodRefused: () => {} },
    stopping: () => stopping,
  });
  const post = (
    body: string | Buffer | readonly Buffer[],
    path = "/handler",
    headers: Record<string, string> = {},
  ) => {
    const chunks = typeof body === "string" || Buffer.isBuffer(body) ? [Buffer.from(body)] : body;
    const incoming = Object.assign(Readable.from(chunks), {
      headers: Object.fromEntries(new Headers(headers)),
      socket: { remoteAddress: "127.0.0.1" },
    });
    return app.request(path, { method: "POST", headers }, { incoming } as unknown as HttpBindings);
  };
  return { app, post, ops, malformed, turnedAway, clock };
}

const call = (op: string, content: unknown): string => JSON.stringify({ version: "0.1.0", op, content });

describe("the frp edge", () => {
  it.each(frpCalls)(
    "answers $file as frps asks, and knows what it says",
    async ({ op, rawBody, reqid, content }) => {
      const { post, ops } = edge();
      const response = await post(rawBody, `/handler?op=${op}&version=0.1.0`, { "X-Frp-Reqid": reqid });
      expect(response.status).toBe(200);
      expect(await response.text()).toBe('{"reject":false,"unchange":true}');
      expect(ops[0]).toMatchObject({ protocol: "frp", node: "frps", name: op, known: true, reqid, content });
      expect(ops[0]!.refusable).toBe(!op.startsWith("Close"));
      expect(JSON.stringify({ ...ops[0], content: null, metas: null })).not.toMatch(
        /s3cret|[^_]d8f37cd82bb879e3/,
      );
    },
  );

  it("takes a whole recorded run in order", async () => {
    const { post, ops } = edge();
    for (const { rawBody, reqid } of frpSession) await post(rawBody, "/handler", { "x-frp-reqid": reqid });
    expect(ops.map((op) => [op.name, op.reqid])).toEqual(frpSession.map(({ op, reqid }) => [op, reqid]));
  });

  it.each([
    [
      "Login",
      { user: "bob", client_address: "[::ffff:1.2.3.4]:5" },
      { user: "bob", client: null, remote: { ip: "1.2.3.4", port: 5 } },
    ],
    ["Login", { client_address: "pipe" }, { user: "", remote: { ip: null, port: null } }],
    [
      "NewUserConn",
      {
        user: { user: "", metas: null, run_id: "x" },
        proxy_name: "p",
        proxy_type: "tcp",
        remote_addr: "[::1]:7",
      },
      { user: "", proxy: { name: "p", type: "tcp", domains: [] }, remote: { ip: "::1", port: 7 } },
    ],
    [
      "NewProxy",
      {
        user: { user: "a" },
        proxy_name: "a.w",
        proxy_type: "http",
        custom_domains: ["WWW.Example.com."],
        subdomain: "x",
      },
      { proxy: { name: "a.w", type: "http", domains: ["www.example.com", "x"] } },
    ],
    [
      "NewVisitorConn",
      { user: { user: "a", run_id: "r" }, whatever: 1 },
      { known: false, refusable: true, user: "a" },
    ],
    [
      "NewHTTPRequest",
      { strange: true },
      { known: false, user: null, client: null, proxy: null, remote: null },
    ],
  ])("reads %s %j", async (name, content, expected) => {
    const { post, ops } = edge();
    await post(call(name, content));
    expect(ops[0]).toMatchObject({ name, ...expected });
  });

  it.each(["Login", "NewProxy", "CloseProxy", "Ping", "NewWorkConn", "NewUserConn", "CloseUserConn"])(
    "takes an absent field of %s for its zero value, since frp leaves those out",
    async (name) => {
      const { post, ops } = edge();
      await post(call(name, { custom_domains: ["a.example.com"] }));
      const aboutProxy = !["Login", "Ping", "NewWorkConn"].includes(name);
      expect(ops[0]).toMatchObject({
        user: "",
        proxy: aboutProxy ? { name: "", domains: ["a.example.com"] } : null,
      });
    },
  );

  it("takes a Ping with a run id of its own for the NewWorkConn it is in frps before 0.47", async () => {
    const { post, ops } = edge();
    await post(call("Ping", { user: { user: "a", metas: null, run_id: "r" }, run_id: "r" }));
    expect(ops[0]!.name).toBe("NewWorkConn");
  });

  it("joins the subdomain to the host of its node", async () => {
    const { post, ops } = edge();
    await post(
      call("NewProxy", { user: {}, proxy_name: "w", proxy_type: "http", subdomain: "x" }),
      "/handler/b",
    );
    expect(ops[0]).toMatchObject({ node: "b", proxy: { domains: ["x.b.test"] } });
  });

  it("refuses with status 200 and a reason that is never empty", async () => {
    const refuse = async (reason: string): Promise<unknown> =>
      (await edge({ answer: { kind: "refuse", reason } }).post(call("Login", {}))).json();
    expect(await refuse("moved away")).toEqual({ reject: true, reject_reason: "moved away" });
    expect(await refuse("")).toEqual({ reject: true, reject_reason: "refused" });
  });

  it("gives back the whole content when it changes some of it, unknown fields and large numbers too", async () => {
    const body =
      '{"op":"NewProxy","content":{"user":{"user":"a","metas":null,"run_id":"r"},"proxy_name":"a.x","big":12345678901234567890,"f":1.0,"bandwidth_limit":"9MB","new":{"x":[1e3]},"t":"\\u003c"}}';
    const { post } = edge({
      answer: { kind: "rewrite", set: { bandwidth_limit: "1MB", bandwidth_limit_mode: "server" } },
    });
    expect(await (await post(body)).text()).toBe(
      '{"unchange":false,"content":{"user":{"user":"a","metas":null,"run_id":"r"},"proxy_name":"a.x","big":12345678901234567890,"f":1.0,"bandwidth_limit":"1MB","new":{"x":[1e3]},"t":"<","bandwidth_limit_mode":"server"}}',
    );
  });

  it.each(frpCalls)("gives back all of $file when it changes one field", async ({ rawBody, content }) => {
    const { post } = edge({ answer: { kind: "rewrite", set: { added: 1 } } });
    expect(await (await post(rawBody)).json()).toEqual({
      unchange: false,
      content: { ...content, added: 1 },
    });
  });

  it.each([
    ["rubbish", "GET / HTTP/1.1", "not_json", 400],
    ["nothing", "", "not_json", 400],
    ["a byte order mark", `\ufeff${call("Login", {})}`, "not_json", 400],
    ["bytes after the object", `${call("Login", {})}x`, "not_json", 400],
    ["bytes that are no UTF-8", Buffer.from([0x7b, 0xff, 0x7d]), "not_utf8", 400],
    ["an array", "[]", "no_op", 400],
    ["null", "null", "no_op", 400],
    ["no op", '{"content":{}}', "no_op", 400],
    ["an op that is a number", '{"op":1,"content":{}}', "no_op", 400],
    ["no content", '{"op":"Login"}', "bad_content", 400],
    ["a content that is a text", '{"op":"Login","content":"x"}', "bad_content", 400],
    ["a content that is a wide number", '{"op":"Login","content":12345678901234567890}', "bad_content", 400],
    ["a user that is a number", call("Login", { user: 7 }), "bad_content", 400],
    ["a proxy name that is a list", call("NewProxy", { user: {}, proxy_name: [] }), "bad_content", 400],
    ["more than 1 MiB", Buffer.alloc(1024 * 1024 + 1, 32), "too_large", 413],
  ])("turns %s away and reports it by length and hash", async (_what, body, reason, status) => {
    const { post, ops, malformed } = edge();
    const response = await post(body);
    expect(response.status).toBe(status);
    expect(ops).toEqual([]);
    expect(malformed).toEqual([
      {
        node: "frps",
        reason,
        peer: "127.0.0.1",
        length: Buffer.byteLength(body),
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    ]);
  });

  it("takes a body of exactly 1 MiB, in whatever pieces it comes", async () => {
    const { post, ops } = edge();
    const frame = call("Login", { user: "a", pad: "" });
    const body = Buffer.from(call("Login", { user: "a", pad: "x".repeat(1024 * 1024 - frame.length) }));
    expect(body.length).toBe(1024 * 1024);
    const pieces = Array.from({ length: 64 }, (_, n) => body.subarray(n * 16_384, (n + 1) * 16_384));
    expect((await post(pieces)).status).toBe(200);
    expect(ops).toHaveLength(1);
  });

  it("without the right password answers 401 and reports nothing", async () => {
    const { post, ops, malformed, turnedAway } = edge({ auth: "u:p" });
    const response = await post("rubbish");
    expect(response.status).toBe(401);
    expect([ops, malformed, turnedAway]).toEqual([[], [], [401]]);
  });

  it("answers anything but POST with 405 and other paths with 404", async () => {
    const { app, post } = edge();
    expect((await app.request("/handler")).status).toBe(405);
    expect((await app.request("/")).status).toBe(404);
    expect((await post("{}", "/other")).status).toBe(404);
  });

  it("refuses logins beyond the limit of an address, counts them, and takes them again a minute later", async () => {
    const { post, ops, malformed, clock } = edge({ loginsPerMinute: 3 });
    const login = (ip: string) => post(call("Login", { client_address: `${ip}:1` }));
    for (let n = 0; n < 5; n++) await login("10.0.0.1");
    expect(ops).toHaveLength(3);
    expect(malformed).toHaveLength(2);
    expect(malformed[0]).toMatchObject({ reason: "login_flood", peer: "10.0.0.1" });
    expect(await (await login("10.0.0.1")).json()).toMatchObject({ reject: true });
    await login("10.0.0.2");
    expect(ops).toHaveLength(4);
    clock.advance(60_000);
    await login("10.0.0.1");
    expect(ops).toHaveLength(5);
  });

  it("counts the addresses of one IPv6 subscriber as one", async () => {
    const { post, ops } = edge({ loginsPerMinute: 2 });
    for (let n = 1; n <= 4; n++) await post(call("Login", { client_address: `[2001:db8:1:2::${n}]:1` }));
    await post(call("Login", { client_address: "[2001:db8:1:3::1]:1" }));
    expect(ops).toHaveLength(3);
  });

  it("asks for the end of the connection with every answer once it stops", async () => {
    expect((await edge({ stopping: true }).post(call("Login", {}))).headers.get("connection")).toBe("close");
    expect((await edge().post(call("Login", {}))).headers.get("connection")).toBeNull();
  });
});
