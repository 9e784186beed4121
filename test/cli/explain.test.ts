/** `sluice explain` against a bridge that runs, a journal that it wrote, and a policy file alone. */
import { hash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Explained } from "../../src/admin/explain.ts";
import { explanationLines } from "../../src/cli/explain-text.ts";
import { ruledBy } from "../app/stack.ts";
import { type BridgeHost, startBridge } from "../hosts/bridge.ts";
import { freePort } from "../hosts/ports.ts";
import { call, type Ended, sluice } from "./sluice.ts";

const adminToken = "s3cret-admin";
const token = "s3cret-of-alice";
const wrongToken = "s3cret-that-is-wrong";
const shown = (text: string): string => `sha256:${hash("sha256", text).slice(0, 8)}`;

const rules = {
  "user:alice": { tokens: [`sha256:${hash("sha256", token)}`], limits: { loginsPerMinute: 5 } },
  "user:carol": { set: { NewProxy: { sk: "s3cret-that-is-set", bandwidth_limit: "1MB" } } },
  "user:erin": { proxies: { max: 3 } },
  "ip:203.0.113.0/24": { effect: "require" },
  "ip:0.0.0.0/0": "deny not from there",
  "node:edge-1": "deny closed",
  "route:web:0": {
    prox: { on_request: { requestHeaders: { Authorization: "s3cret" }, rewritePath: "/new" } },
  },
  "route:web:1": { effect: "deny", reason: "gone", prox: { on_request: { status: 410 } } },
};

let bridge: BridgeHost;
let policyFile: string;
let settings: Record<string, string | number>;

beforeAll(async () => {
  const ruled = await ruledBy(rules);
  policyFile = String(ruled["policy.file"]);
  bridge = await startBridge({ ...ruled, "admin.token": adminToken });
  settings = {
    "admin.port": Number(new URL(bridge.adminUrl).port),
    "admin.token": adminToken,
    "data.dir": bridge.dataDir,
  };
});

async function explain(args: readonly string[], input?: string): Promise<Ended> {
  const ended = await sluice(["explain", ...args], {
    settings,
    cwd: bridge.folder,
    ...(input !== undefined && { input }),
  });
  // No token, no whole hash of one, nothing else that is secret.
  expect(ended.stdout + ended.stderr).not.toContain("s3cret");
  expect(ended.stdout + ended.stderr).not.toMatch(/[0-9a-f]{32}/);
  return ended;
}

async function lines(args: readonly string[], input?: string): Promise<string[]> {
  const { code, stdout, stderr } = await explain(args, input);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout.trimEnd().split("\n");
}

async function json(args: readonly string[], input?: string): Promise<Explained> {
  const [line] = await lines([...args, "--json"], input);
  return JSON.parse(line!) as Explained;
}

const login = ["--user", "alice", "--ip", "203.0.113.9"];
const aliceLogin = { user: "alice", client_address: "203.0.113.9:5", metas: { token: wrongToken } };

describe("sluice explain", () => {
  it("prints every rule that is about the op, what its conditions saw, and the decision", async () => {
    const printed = await lines([...login, "--node", "edge-1", "--token", wrongToken]);
    expect(printed.slice(0, -1)).toEqual([
      "Login of alice at edge-1 from 203.0.113.9",
      "user:alice                allow    refused: token missing or wrong",
      `  {"tokens":["${shown(token)}"],"limits":{"loginsPerMinute":5}}`,
      `  tokens                  fail     ${shown(wrongToken)}`,
      "  limits.loginsPerMinute  pass     0 of 5",
      "ip:203.0.113.0/24         require  held",
      '  {"effect":"require"}',
      "ip:0.0.0.0/0              deny     outranked by ip:203.0.113.0/24",
      "node:edge-1               deny     refused: closed",
      "refused by user:alice: token missing or wrong [token_rejected]",
    ]);
    expect(printed.at(-1)).toMatch(/^revision [0-9a-f]{16}, 8 rules, at \S+Z$/);
  });

  it("takes the token from a file, or from standard input", async () => {
    const file = join(bridge.folder, "token.txt");
    await writeFile(file, `${token}\n`);
    for (const args of [[file], ["-"]]) {
      const { decision } = await json([...login, "--token-file", ...args], `${token}\n`);
      expect(decision).toMatchObject({ effect: "allowed", rule: "user:alice" });
    }
  });

  it("asks of a proxy all that its options say", async () => {
    const web = ["--op", "NewProxy", "--user", "carol", "--proxy", "carol.web", "--proxy-type", "http"];
    const asked = [...web, "--domain", "a.example.com", "B.example.com", "--subdomain", "web", "--encrypted"];
    const explained = await json([...asked, "--client", "c_00112233445566aa"]);
    expect(explained.op).toMatchObject({
      name: "NewProxy",
      user: "carol",
      client: "c_00112233445566aa",
      proxy: { name: "carol.web", type: "http", domains: ["a.example.com", "b.example.com", "web"] },
    });
    expect(explained.set).toEqual({ sk: "***", bandwidth_limit: "1MB" });
    const [head] = await lines([
      ...[
        "--op",
        "NewProxy",
        "--user",
        "",
        "--proxy",
        "x.ssh",
        "--proxy-type",
        "tcp",
        "--remote-port",
        "6000",
      ],
    ]);
    expect(head).toBe("NewProxy of the anonymous user at frps, proxy x.ssh (tcp, port 6000)");
  });

  it("says what was not asked, since it was not told", async () => {
    expect((await json(["--user", "alice"])).notes).toEqual([expect.stringContaining("no address is told")]);
    const untyped = await json(["--op", "NewProxy", "--user", "carol", "--proxy", "carol.web"]);
    expect(untyped.notes).toEqual([expect.stringContaining("makes it a tcp proxy")]);
    expect((await json(login)).notes).toEqual([]);
  });

  it("judges for the moment that is given", async () => {
    expect((await json([...login, "--at", "2027-01-31T09:00:00+01:00"])).at).toBe("2027-01-31T08:00:00.000Z");
  });

  it("takes an op as frps sends it", async () => {
    const body = JSON.stringify({ version: "0.1.0", op: "Login", content: aliceLogin });
    const file = join(bridge.folder, "op.json");
    await writeFile(file, body);
    const fromFile = await json(["--input", file]);
    expect(fromFile.decision.code).toBe("token_rejected");
    const { at: _then, ...same } = await json(["--input", "-"], body);
    expect(fromFile).toMatchObject(same);
  });

  it("changes no count, and journals nothing", async () => {
    const before = (await sluice(["tail", "--json", "-n", "1000"], { settings })).stdout;
    const content = { ...aliceLogin, metas: { token } };
    const asked = { method: "POST", body: JSON.stringify({ op: { op: "Login", content } }) };
    const headers = { authorization: `Bearer ${adminToken}` };
    for (let n = 0; n < 6; n++) {
      const explained = await (await fetch(`${bridge.adminUrl}/v1/explain`, { ...asked, headers })).json();
      expect(explained).toMatchObject({ decision: { effect: "allowed", rule: "user:alice" } });
    }
    const { rules } = await json(login);
    expect(rules[0]?.conditions).toContainEqual({
      condition: "limits.loginsPerMinute",
      result: "pass",
      seen: "0 of 5",
      count: 0,
      limit: 5,
    });
    expect((await sluice(["tail", "--json", "-n", "1000"], { settings })).stdout).toBe(before);
  });

  it("judges by the counts of this moment", async () => {
    const proxy = (name: string) => ["--op", "NewProxy", "--user", "erin", "--proxy", `erin.${name}`];
    const seen = async () => (await json(proxy("b"))).rules[0]?.conditions[0]?.seen;
    expect(await seen()).toBe("0 others of 3");
    const user = { user: "erin", metas: null, run_id: "0123456789abcde1" };
    await call(bridge.url, "NewProxy", { user, proxy_name: "erin.a", proxy_type: "tcp" });
    expect(await seen()).toBe("1 others of 3");
    const alone = await json([...proxy("b"), "--policy", policyFile]);
    expect(alone.rules[0]?.conditions[0]?.seen).toBe("0 others of 3");
  });

  it("takes what only prox tells for a request, where no op is named", async () => {
    expect((await lines(["--route", "web:1"]))[0]).toBe("on_request at prox, route web:1");
    expect((await lines(["--path", "/old"]))[0]).toBe("on_request at prox, /old");
  });

  it("asks as prox does, under its name, all that the options say", async () => {
    const asked = ["--op", "on_request", "--ip", "203.0.113.9", "--domain", "A.test", "--method", "GET"];
    expect(await lines([...asked, "--path", "/old", "--route", "web:0"])).toEqual([
      "on_request at prox from 203.0.113.9, route web:0, GET a.test/old",
      "ip:203.0.113.0/24  require  held",
      '  {"effect":"require"}',
      "ip:0.0.0.0/0       deny     outranked by ip:203.0.113.0/24",
      "route:web:0        allow    granted",
      expect.stringMatching(/^ {2}\{"prox":\{"on_request":\{"requestHeaders":\{"Authorization":"\*\*\*"\}/),
      "allowed by route:web:0 [rule_allow]",
      'changes {"requestHeaders":{"Authorization":"***"},"rewritePath":"/new"}',
      expect.stringMatching(/^revision /),
    ]);
    const input = JSON.stringify({ op: "on_response", content: { req: { r: "web:1", d: "b.test" } } });
    expect(await lines(["--input", "-"], input)).toMatchObject([
      "on_response at prox, route web:1, b.test",
      "route:web:1  deny  held: gone",
      expect.stringMatching(/^ {2}\{"effect":"deny"/),
      "on_response cannot be refused: rules that let it pass may change it",
      "recorded: this op cannot be refused [not_refusable]",
      expect.stringMatching(/^revision /),
    ]);
  });

  it("says that an op cannot be refused", async () => {
    expect(await lines(["--op", "CloseProxy", "--user", "alice", "--proxy", "alice.ssh"])).toMatchObject([
      "CloseProxy of alice at frps, proxy alice.ssh",
      "CloseProxy cannot be refused: it is recorded, whatever the rules say",
      "recorded: this op cannot be refused [not_refusable]",
      expect.stringMatching(/^revision /),
    ]);
  });
});

describe("sluice explain of what was", () => {
  beforeAll(async () => {
    await call(bridge.url, "Login", aliceLogin);
    await call(`${bridge.url}/edge-1`, "Ping", {
      user: { user: "dave", metas: null, run_id: "0123456789abcdef" },
    });
    await call(bridge.url, "Ping", { user: { user: "alice", metas: { token }, run_id: "0123456789abcde0" } });
  });

  it("tells of the last op of a user what was decided then, and what would be now", async () => {
    const printed = await lines(["--last", "dave"]);
    expect(printed[0]).toMatch(/^Ping of dave at edge-1, client c_[0-9a-f]{16}$/);
    expect(printed[1]).toMatch(/^then {2}\S+Z {2}refused by node:edge-1: closed \[rule_deny\]$/);
    expect(printed[2]).toMatch(/^ {6}revision [0-9a-f]{16}$/);
    expect(printed).toContain("now   refused by node:edge-1: closed [rule_deny]");
  });

  it("takes the last one of an op, and judges its token by what was recorded of it", async () => {
    const last = await json(["--last", "alice"]);
    expect([last.op.name, last.recorded?.effect, last.decision.effect]).toEqual([
      "Ping",
      "allowed",
      "allowed",
    ]);
    const { op, rules, notes } = await json(["--last", "alice", "--op", "Login"]);
    expect(op.name).toBe("Login");
    expect(rules[0]?.conditions[0]?.seen).toBe(shown(wrongToken));
    expect(notes).toEqual([
      expect.stringContaining("the token is masked"),
      expect.stringContaining("counts are those of now"),
    ]);
  });

  it("takes the last one that was refused, whatever was let in since", async () => {
    const { op, recorded } = await json(["--last", "alice", "--refused"]);
    expect([op.name, recorded?.effect]).toEqual(["Login", "refused"]);
  });

  it("calls undecidable what depends on a token that no rule looked at, and only that", async () => {
    await call(bridge.url, "Login", { user: "frank", client_address: "203.0.113.9:5", metas: { token } });
    const byFile = async (user: string, rules: object) =>
      (await json(["--last", user, "--policy", String((await ruledBy(rules as never))["policy.file"])]))
        .notes;
    expect(
      await byFile("frank", { "user:frank": { tokens: [`sha256:${hash("sha256", token)}`] } }),
    ).toContainEqual(expect.stringContaining("what is decided now is undecidable"));
    expect(await byFile("frank", { "user:frank": "deny" })).not.toContainEqual(
      expect.stringContaining("token"),
    );
  });

  it("judges an event by a policy file alone, with no bridge", async () => {
    const { stdout } = await sluice(["tail", "--json", "-n", "1", "-t", "heartbeat.refused"], { settings });
    const other = await ruledBy({ "user:dave": "allow" });
    const explained = await sluice(["explain", "--input", "-", "--policy", String(other["policy.file"])], {
      settings: { "admin.port": await freePort() },
      input: stdout,
    });
    expect({ code: explained.code, stderr: explained.stderr }).toEqual({ code: 0, stderr: "" });
    expect(explained.stdout).toMatch(/^then .* refused by node:edge-1: closed/m);
    expect(explained.stdout).toMatch(/^now {3}allowed by user:dave \[rule_allow\]$/m);
    expect(explained.stdout).toContain(
      "note: every count is 0, since no bridge was asked, only the rules of",
    );
  });

  it.each([
    [["--last", "nobody"], "no op of this user in"],
    [["--last", "dave", "--op", "Login"], "no Login of this user in"],
  ])("ends with 1 where the journal has none: %j", async (args, message) => {
    const { code, stdout, stderr } = await explain(args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(message);
  });
});

describe("sluice explain says what is wrong", () => {
  it.each([
    [[], "say whose op it is with --user"],
    [["--op", "newproxy", "--user", "a"], "no op is called newproxy, did you mean NewProxy?"],
    [["--op", "on_connect", "--user", "a"], "--user goes with ops of frp: on_connect is asked by prox"],
    [["--user", "a", "--route", "web:0"], "--route goes with on_request, on_response, on_connect"],
    [["--user", "a", "--remote-port", "22"], "--remote-port goes with NewProxy: Login does not tell it"],
    [["--op", "NewProxy", "--user", "a", "--ip", "::1"], "--ip goes with Login, NewUserConn, CloseUserConn"],
    [["--op", "NewUserConn", "--user", "a"], "NewUserConn is about a proxy: name it with --proxy"],
    [
      ["--last", "", "--op", "on_request"],
      "sluice tail --json -n 1 -t request.refused | sluice explain --input -",
    ],
    [["--refused"], "--refused goes with --last"],
    [["--user", "a", "--ip", "example.com"], "--ip must be an address, with or without a port"],
    [["--user", "a", "--node", "a b"], "node must be the name of a frps"],
    [["--user", "a", "--client", "0123456789abcdef"], "client must be the public id of a client"],
    [["--user", "a", "--token-file", "gone.txt"], "gone.txt cannot be read"],
    [["--input", "gone.json"], "gone.json cannot be read"],
  ])("with %j, and ends with 2", async (args, message) => {
    const { code, stdout, stderr } = await explain(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/\[config_invalid\]\n$/);
  });

  it.each([
    ["{", "standard input is not one JSON text"],
    ["[]", "standard input holds neither an op as frps sends it"],
    ['{"op":"Login","content":{"user":5}}', "op has a content that frps never sends with this op"],
    [
      '{"type":"sluice.bridge.stopped","data":{"reason":"s3cret"}}',
      "event must be one that Sluice published",
    ],
  ])("of the input %s", async (input, message) => {
    const { code, stderr } = await explain(["--input", "-"], input);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  it("where no bridge answers, and where the policy file cannot be read", async () => {
    const port = await freePort();
    const alone = await sluice(["explain", ...login], { settings: { "admin.port": port } });
    expect(alone.code).toBe(1);
    expect(alone.stderr).toContain(`no bridge answers at http://127.0.0.1:${port}`);
    const missing = await explain([...login, "--policy", "gone.json"]);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain("the policy file gone.json cannot be read (ENOENT) [policy_unreadable]");
  });
});

describe("the text", () => {
  it("has nothing in it that moves the cursor, and 80 columns where names allow", async () => {
    const explained = await json([
      "--op",
      "NewProxy",
      "--user",
      "a\u001b[2J",
      "--proxy",
      "a\u202eb",
      "--policy",
      policyFile,
    ]);
    const [met] = (await json([...login])).rules;
    const long = { ...met!, key: `user:${"x".repeat(60)}`, value: JSON.stringify({ note: "y".repeat(200) }) };
    const reason = "word ".repeat(60).trim();
    const printed = explanationLines({
      ...explained,
      rules: [long],
      decision: { ...explained.decision, effect: "refused", reason, rule: long.key },
    });
    for (const line of printed) {
      expect(line.length).toBeLessThanOrEqual(80);
      expect(line).not.toMatch(/[\u001b\u202e]/);
    }
    expect(printed.join(" ")).toContain("a?[2J");
    expect(printed).toContain(long.key);
  });
});
