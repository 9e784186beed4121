/** What stands in the log of a real bridge: one wide line for each call that was refused, failed, or was no call. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { frameOf } from "../../src/prox/frames.ts";
import { type BridgeHost, startBridge } from "../hosts/bridge.ts";
import { temporaryFolder } from "../hosts/folder.ts";
import { freePort } from "../hosts/ports.ts";
import { envelopeOf } from "../prox/asked.ts";
import { PluginProcess } from "../prox/plugin-process.ts";
import { Talk } from "../prox/talk.ts";

const secret = "hunter2";
const runId = `run-${secret}`;
const loginsPerMinute = 3;
const largeChars = 200_000;

type Line = Record<string, unknown>;

interface Row {
  readonly what: string;
  readonly op?: string;
  readonly content?: object;
  /** In place of what op and content make. */
  readonly body?: string;
  readonly path?: string;
  readonly auth?: string;
  readonly method?: string;
  readonly line: Line;
}

const user = (name: string) => ({ user: name, metas: { token: secret }, run_id: runId });
const login = (name: string, ip: string) => ({
  user: name,
  run_id: runId,
  privilege_key: secret,
  metas: { token: secret },
  client_address: `${ip}:40000`,
});

const refused = {
  level: "info",
  msg: "refused",
  protocol: "frp",
  effect: "refused",
  revision: expect.stringMatching(/./),
  event: expect.stringMatching(/^[0-9a-f-]{36}$/),
  ms: expect.any(Number),
};
const turnedAway = {
  msg: "call turned away",
  effect: "turned away",
  protocol: "frp",
  peer: expect.stringMatching(/127\.0\.0\.1$/),
  peerPort: expect.any(Number),
  ms: expect.any(Number),
};

const rows: readonly Row[] = [
  {
    what: "a login refused by a rule",
    op: "Login",
    content: login("alice", "203.0.113.1"),
    line: {
      ...refused,
      node: "edge-1",
      op: "Login",
      code: "rule_deny",
      reason: "moved away",
      rule: "user:alice",
      user: "alice",
      ip: "203.0.113.1",
      port: 40000,
    },
  },
  {
    what: "a proxy refused since its name is not the user's own",
    op: "NewProxy",
    content: { user: user("bob"), proxy_name: "alice.ssh", proxy_type: "tcp", remote_port: 22 },
    line: {
      ...refused,
      op: "NewProxy",
      code: "own_names",
      rule: null,
      user: "bob",
      proxy: "alice.ssh",
      client: expect.stringMatching(/^c_/),
    },
  },
  {
    what: "a user refused by address",
    op: "NewUserConn",
    content: {
      user: user("bob"),
      proxy_name: "bob.ssh",
      proxy_type: "tcp",
      remote_addr: "198.51.100.7:5555",
    },
    line: {
      ...refused,
      op: "NewUserConn",
      rule: "ip:198.51.100.0/24",
      proxy: "bob.ssh",
      ip: "198.51.100.7",
      port: 5555,
    },
  },
  {
    what: "an op that nobody knows, refused by a rule",
    op: "NewThing",
    content: { user: user("alice") },
    line: { ...refused, op: "NewThing", code: "rule_deny" },
  },
  {
    what: "what would be refused, were the rule enforced",
    op: "Login",
    content: login("carol", "203.0.113.2"),
    line: {
      level: "info",
      msg: "would refuse",
      effect: "allowed",
      user: "carol",
      wouldRefuse: { reason: "soon", code: "rule_deny", rule: "user:carol" },
    },
  },
  ...Array.from(
    { length: loginsPerMinute },
    (_, at): Row => ({
      what: `login ${at + 1} of one address`,
      op: "Login",
      content: login("alice", "203.0.113.3"),
      line: refused,
    }),
  ),
  {
    what: "one login more of that address",
    op: "Login",
    content: login("alice", "203.0.113.3"),
    line: {
      level: "warn",
      msg: "refused unrecorded: too many logins from this address",
      effect: "refused",
      code: "login_flood",
      op: "Login",
      node: "edge-1",
      user: "alice",
      ip: "203.0.113.3",
      ms: expect.any(Number),
    },
  },
  {
    what: "a call that is not JSON",
    body: `{"op": ${secret}`,
    line: {
      ...turnedAway,
      level: "warn",
      status: 400,
      problem: "not an op: not_json",
      node: "edge-1",
      length: 14,
    },
  },
  {
    what: "a call without op",
    body: "{}",
    line: { ...turnedAway, level: "warn", status: 400, problem: "not an op: no_op", node: "edge-1" },
  },
  {
    what: "a call that is too large",
    body: "x".repeat(1_100_000),
    line: { ...turnedAway, level: "warn", status: 413, problem: "not an op: too_large", node: "edge-1" },
  },
  {
    what: "a call with a wrong password",
    op: "Ping",
    content: { user: user("bob") },
    auth: `frps:${secret}-wrong`,
    line: {
      ...turnedAway,
      level: "warn",
      status: 401,
      node: null,
      problem: "wrong user or password for this node",
      path: "/handler/edge-1",
    },
  },
  {
    what: "a call under another frps's name",
    op: "Ping",
    content: { user: user("bob") },
    path: "/handler/edge-2",
    line: { ...turnedAway, level: "warn", status: 401, path: "/handler/edge-2" },
  },
  {
    what: "a node that can be none",
    op: "Ping",
    content: {},
    path: "/handler/edge%201",
    line: { ...turnedAway, level: "info", status: 404, problem: "not a node name" },
  },
  {
    what: "a path that is not ours",
    op: "Ping",
    content: {},
    path: `/other?token=${secret}`,
    line: { ...turnedAway, level: "info", status: 404, path: "/other", problem: "no such path" },
  },
  {
    what: "a method that is not ours",
    method: "GET",
    line: { ...turnedAway, level: "info", status: 405, method: "GET", problem: "only POST is answered here" },
  },
];

const rules = {
  "user:alice": "deny moved away",
  "user:carol": { effect: "deny", reason: "soon", enforce: false },
  "ip:198.51.100.0/24": "deny",
  "op:NewThing": "deny",
};

/** Resolves when it has been answered, whatever with. */
async function ask(bridge: BridgeHost, row: Omit<Row, "line" | "what">, reqid: string): Promise<unknown> {
  const { op, content, path = "/handler/edge-1", auth = `edge:${secret}`, method = "POST" } = row;
  const body = row.body ?? JSON.stringify({ version: "0.1.0", op, content });
  const headers = { "x-frp-reqid": reqid, authorization: `Basic ${Buffer.from(auth).toString("base64")}` };
  const init = method === "GET" ? { method, headers } : { method, headers, body };
  const response = await fetch(`http://${bridge.addr}${path}`, init);
  return response.json();
}

function linesOf(lines: readonly string[], reqid: string): Line[] {
  return lines.flatMap((line) => {
    const read = line.startsWith("{") ? (JSON.parse(line) as Line) : {};
    return read.reqid === reqid ? [read] : [];
  });
}

const ping = { op: "Ping", content: { user: user("bob") } };

/** Asks until the answer is refused for this reason, since only then it is known that the bridge has noticed. */
async function untilRefused(
  bridge: BridgeHost,
  row: Omit<Row, "line" | "what">,
  reason: string,
): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    const reqid = `${reason} ${attempt}`;
    const answer = (await ask(bridge, row, reqid)) as { reject_reason?: string };
    if (answer.reject_reason === reason) return reqid;
  }
}

describe("the log of a bridge for frps", () => {
  it("has one wide line for each call that is refused, fails or is none, and no secret", async () => {
    const folder = await temporaryFolder("lines");
    const [toml, policy] = [join(folder.path, "sluice.toml"), join(folder.path, "policy.json")];
    await writeFile(policy, JSON.stringify(rules));
    await writeFile(
      toml,
      `[nodes.edge-1]\nauth = "edge:${secret}"\n[nodes.edge-2]\nauth = "other:${secret}"\n`,
    );
    const settings = {
      "policy.file": policy,
      // The file is looked at each second.
      "policy.maxStaleMs": 3_000,
      "policy.whenStale": "deny",
      "http.loginsPerMinute": loginsPerMinute,
      "http.deadlineMs": 30_000,
      "journal.onFailure": "refuse",
      "journal.segmentBytes": largeChars / 2,
      "journal.maxBytes": largeChars,
      // Nobody takes the events: the journal may not drop them, and gets full.
      "kafka.brokers": `127.0.0.1:${await freePort()}`,
    };
    await using bridge = await startBridge(settings, { env: { SLUICE_CONFIG: toml } });
    for (const [at, row] of rows.entries()) await ask(bridge, row, `row ${at}`);
    await ask(bridge, ping, "allowed");
    const large = { op: "Ping", content: { user: user("bob"), more: "x".repeat(largeChars) } };
    const unkept = await untilRefused(bridge, large, "could not be recorded");
    await writeFile(policy, "{");
    await bridge.log.saw(/the policy is stale/);
    const stale = await untilRefused(bridge, ping, "policy is out of date");
    await bridge.stop();
    for (const [at, { what, line }] of rows.entries()) {
      expect([what, linesOf(bridge.log.lines, `row ${at}`)]).toEqual([what, [expect.objectContaining(line)]]);
    }
    expect(linesOf(bridge.log.lines, "allowed")).toEqual([]);
    expect(linesOf(bridge.log.lines, unkept)).toEqual([
      expect.objectContaining({
        ...refused,
        level: "error",
        msg: "answered before its record was durable",
        code: "not_recorded",
        failure: "journal_full",
        answer: "refuse",
        user: "bob",
      }),
    ]);
    expect(linesOf(bridge.log.lines, stale)).toEqual([
      expect.objectContaining({ op: "Ping", effect: "refused", code: "policy_stale", user: "bob" }),
    ]);
    expect(bridge.log.lines.join("\n")).not.toContain(secret);
    await folder.remove();
  });
});

describe("the log of a plugin of prox", () => {
  it("has one wide line for each call that is refused, or is none", async () => {
    const folder = await temporaryFolder("lines");
    const settings = {
      "redis.url": `redis://:${secret}@127.0.0.1:${await freePort()}`,
      "prox.node": "edge-9",
      "prox.deadlineMs": 30_000,
    };
    const plugin = new PluginProcess({ cwd: folder.path, settings });
    const socket = await plugin.ready();
    const talk = await Talk.to(socket);
    const request = {
      r: "web:0",
      d: "shop.test",
      m: "GET",
      p: "/a",
      q: `token=${secret}`,
      a: "203.0.113.8:999",
    };
    talk.send(frameOf(envelopeOf("on_request", request)));
    await talk.take(1);
    talk.send(frameOf(envelopeOf("on_connect", { r: "ssh:0", a: "203.0.113.8:998" })));
    await talk.take(2);
    talk.send(frameOf(Buffer.from(secret)));
    await talk.ended;
    const lines = () =>
      plugin.logged.lines.filter((line) => line.includes('"effect"')).map((line) => JSON.parse(line));
    await plugin.logged.saw(/call turned away/);
    const none = {
      ...refused,
      protocol: "prox",
      node: "edge-9",
      code: "policy_unavailable",
      reason: "policy not available",
    };
    expect(lines()).toEqual([
      expect.objectContaining({
        ...none,
        op: "on_request",
        route: "web:0",
        domain: "shop.test",
        ip: "203.0.113.8",
        port: 999,
      }),
      expect.objectContaining({ ...none, op: "on_connect", route: "ssh:0", port: 998 }),
      expect.objectContaining({
        level: "warn",
        msg: "call turned away",
        node: "edge-9",
        problem: "not a call: not_msgpack",
      }),
    ]);
    expect(plugin.logged.lines.join("\n")).not.toContain(secret);
    plugin.child.stdin.end();
    await plugin.ended;
    await folder.remove();
  });
});
