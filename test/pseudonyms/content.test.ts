import { describe, expect, it } from "vitest";
import type { RedactMode } from "../../src/events/redact.ts";
import { parseOp } from "../../src/frp/wire.ts";
import type { Op } from "../../src/op.ts";
import type { PseudonymKind } from "../../src/pseudonyms/kinds.ts";
import { Names } from "../../src/pseudonyms/names.ts";
import { Pseudonyms } from "../../src/pseudonyms/pseudonyms.ts";
import { asked } from "../prox/asked.ts";

const key = "key-of-the-tests-";
const names = new Names(key);
const both: PseudonymKind[] = ["user", "ip"];
const u = names.user("alice");
const visitor = names.address("203.0.113.9");

function frp(op: string, content: object): Op {
  const body = Buffer.from(JSON.stringify({ version: "0.1.0", op, content }));
  const parsed = parseOp(body, { node: "frps", reqid: null, subdomainHost: undefined, atMs: 0 });
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.op;
}

const told = (op: Op, kinds = both, redact: RedactMode = "mask"): Op =>
  new Pseudonyms(kinds, key, redact).op(op);

describe("an op of frp as it is told of", () => {
  it("has a Login's user, address and host by pseudonyms, and what is nobody's as it came", () => {
    const content = {
      version: "0.70.1",
      hostname: "alice-laptop",
      os: "linux",
      arch: "amd64",
      user: "alice",
      run_id: "1d2a3b",
      client_id: "alice-1",
      client_spec: { type: "", always_auth_pass: false },
      pool_count: 1,
      client_address: "203.0.113.9:4711",
    };
    const op = told(frp("Login", content));
    expect(op).toMatchObject({ user: u, remote: { ip: visitor, port: 4711 } });
    expect(op.clientInfo).toEqual({
      address: visitor,
      port: 4711,
      hostname: names.text("alice-laptop"),
      version: "0.70.1",
    });
    expect(op.content).toEqual({
      ...content,
      hostname: names.text("alice-laptop"),
      user: u,
      client_id: names.text("alice-1"),
      client_address: `[${visitor}]:4711`,
    });
  });

  it("has a proxy by its user's pseudonym and its own name, and the users that it lets in", () => {
    const user = { user: "alice", metas: { token: "t" }, run_id: "1d2a3b" };
    const content = { user, proxy_name: "alice.web.1", proxy_type: "stcp", allow_users: ["bob", "*"] };
    const op = told(frp("NewProxy", { ...content, annotations: { owner: "Alice Smith" } }));
    expect(op.proxy).toMatchObject({ name: `${u}.web.1`, type: "stcp" });
    expect(op.content).toEqual({
      user: { ...user, user: u },
      proxy_name: `${u}.web.1`,
      proxy_type: "stcp",
      allow_users: [names.user("bob"), "*"],
      annotations: { owner: names.text("Alice Smith") },
    });
  });

  it.each([
    ["alice", "bob.ssh", `${names.user("bob")}.ssh`],
    ["", "bob.smith.ssh", `${names.user("bob.smith")}.ssh`],
    ["", "ssh", "ssh"],
    ["a.b", "a.b.ssh", `${names.user("a.b")}.ssh`],
    ["alice", "alicessh", "alicessh"],
    ["alice", "alice", names.user("alice")],
  ])("of user %j has the proxy %s as %s", (user, proxy_name, name) => {
    expect(told(frp("CloseProxy", { user: { user }, proxy_name })).proxy?.name).toBe(name);
  });

  it("has metas as redaction leaves them: hidden by it, or else by a hash", () => {
    const login = frp("Login", { user: "alice", metas: { mail: "alice@example.com" } });
    expect(told(login, both, "mask").content.metas).toEqual({ mail: "alice@example.com" });
    expect(told(login, both, "off").content.metas).toEqual({ mail: names.text("alice@example.com") });
    expect(told(login).metas).toEqual({ mail: "alice@example.com" });
  });

  it("has what is named like a run id hashed with the key too: redaction would make a hash without one of it", () => {
    const login = told(
      frp("Login", { user: "alice", run_id: "d8f37cd8", x_run_id: "203.0.113.9" }),
      both,
      "mask",
    );
    expect(login.content).toEqual({ user: u, run_id: "d8f37cd8", x_run_id: names.text("203.0.113.9") });
  });

  it("has whatever nobody knows hashed, numbers aside, and names of fields without the user's", () => {
    const later = told(
      frp("Login", { user: "alice", later: { mail: "a@b", n: 7, of: ["x", true] }, "of alice": 1 }),
    );
    expect(later.content).toEqual({
      user: u,
      later: { mail: names.text("a@b"), n: 7, of: [names.text("x"), true] },
      [`of ${u}`]: 1,
    });
    const unknown = told(
      frp("NewVisitorConn", { user: { user: "alice" }, remote_addr: "203.0.113.9:1", os: "x" }),
    );
    const keyed = frp("NewVisitorConn", {
      user: { user: "alice" },
      peers: { "198.51.100.1": 1, "[::1]:80": 2 },
    });
    const [v4, v6] = [names.address("198.51.100.1"), names.address("::1")];
    expect(told(keyed).content.peers).toEqual({ [v4]: 1, [`[${v6}]:80`]: 2 });
    expect(unknown.content).toEqual({
      user: { user: u },
      remote_addr: `[${visitor}]:1`,
      os: names.text("x"),
    });
  });

  it("keeps what was not asked for: users alone, or addresses alone", () => {
    const conn = frp("NewUserConn", {
      user: { user: "alice" },
      proxy_name: "alice.ssh",
      proxy_type: "tcp",
      remote_addr: "203.0.113.9:1",
    });
    expect(told(conn, ["user"])).toMatchObject({
      user: u,
      proxy: { name: `${u}.ssh` },
      remote: { ip: "203.0.113.9" },
      content: { remote_addr: "203.0.113.9:1" },
    });
    expect(told(conn, ["ip"])).toMatchObject({
      user: "alice",
      proxy: { name: "alice.ssh" },
      remote: { ip: visitor },
      content: { user: { user: "alice" }, remote_addr: `[${visitor}]:1` },
    });
  });

  it("has fields of its content whatever they are named", () => {
    const content = JSON.parse('{"user":"alice","__proto__":{"constructor":"alice"}}');
    expect(JSON.stringify(told(frp("Login", content)).content)).toBe(
      `{"user":"${u}","__proto__":{"constructor":"${names.text("alice")}"}}`,
    );
  });
});

describe("a request of prox as it is told of", () => {
  const request = (h: Record<string, string>, more: object = {}): Op =>
    told(asked("on_request", { r: "web:0", m: "GET", p: "/", d: "a.test", a: "203.0.113.9:1", h, ...more }));
  const headerOf = (name: string, value: string): string =>
    (request({ [name]: value }).content.h as Record<string, string>)[name]!;
  const [other, v6] = [names.address("198.51.100.1"), names.address("2001:db8::1")];

  it.each([
    ["X-Forwarded-For", "203.0.113.9, 198.51.100.1:80", `${visitor}, [${other}]:80`],
    ["X-Forwarded-For", "2001:db8::1,unknown", `${v6},${names.address("unknown")}`],
    ["X-Real-Ip", "203.0.113.9", visitor],
    ["CF-Connecting-IP", "2001:db8::1", v6],
    ["Forwarded", "for=203.0.113.9;proto=https;host=a.test", `for="[${visitor}]";proto=https;host=a.test`],
    ["Forwarded", 'For="[2001:db8::1]:4711", for=198.51.100.1', `For="[${v6}]:4711", for="[${other}]"`],
    ["Forwarded", "for=_alice;by=203.0.113.9", `for=${names.text("_alice")};by="[${visitor}]"`],
    ["Forwarded", "alice", names.text("alice")],
    ["Forwarded", "proto=http for=198.51.100.1", `proto=${names.text("http for=198.51.100.1")}`],
    ["Forwarded", 'host="x, for=198.51.100.1', `host=${names.text("x, for=198.51.100.1")}`],
    ["User-Agent", "Mozilla/5.0 Chrome/120.0.0.0", "Mozilla/5.0 Chrome/120.0.0.0"],
    ["Referer", "https://a.test/from/203.0.113.9", `https://a.test/from/${visitor}`],
    ["X-Remote-User", "alice", names.text("alice")],
    ["Via", "1.1 alices-proxy", names.text("1.1 alices-proxy")],
  ])("has of the header %s: %s only %s", (name, value, expected) => {
    expect(headerOf(name, value)).toBe(expected);
  });

  it("has the visitor's address out of path and query, and the rest of both as it came", () => {
    const op = request({}, { p: "/of/203.0.113.9/x", q: "ip=203.0.113.9&x=1", tg: "10.0.0.5:80" });
    expect(op.prox).toMatchObject({ path: `/of/${visitor}/x`, target: "10.0.0.5:80" });
    expect(op.content).toMatchObject({
      p: `/of/${visitor}/x`,
      q: `ip=${visitor}&x=1`,
      a: `[${visitor}]:1`,
      tg: "10.0.0.5:80",
    });
  });

  it("has a Forwarded of quotes without end read once", () => {
    const steps = '\\"'.repeat(200_000);
    expect(headerOf("Forwarded", `"${steps}`)).toMatch(/^hmac:/);
  });

  it("has what a route's variables hold hashed", () => {
    expect(request({}, { v: { who: "alice" } }).content.v).toEqual({ who: names.text("alice") });
  });
});
