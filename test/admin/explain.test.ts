/** POST /v1/explain: what it takes, what it answers, and that nothing comes of it. */
import { hash } from "node:crypto";
import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { type Explained, type ExplainParts, explainAsked } from "../../src/admin/explain.ts";
import { adminApp } from "../../src/admin/server.ts";
import { redactor } from "../../src/events/redact.ts";
import { opDraft } from "../../src/events/render.ts";
import { decide } from "../../src/policy/decide.ts";
import { RuleSet } from "../../src/policy/rule-set.ts";
import { aliceClient, facts, json, nowMs, view } from "../policy/cases.ts";
import { userOf, wireLogin, wireOp } from "../policy/wire-op.ts";
import { asked } from "../prox/asked.ts";

const shown = (token: string): string => `sha256:${hash("sha256", token).slice(0, 8)}`;
const tokenRule = json({ tokens: [`sha256:${hash("sha256", "s3cret")}`] });

function admin(rules: Readonly<Record<string, string>> = {}, token?: string) {
  const policy = view(new RuleSet(Object.entries(rules)));
  const parts: ExplainParts = {
    policy,
    connections: facts.connections,
    proxies: facts.proxies,
    pseudonyms: null,
    node: "frps",
    nodes: { "edge-2": { subdomainHost: "example.com", closeUserConn: [] } },
    nowMs,
  };
  const app = adminApp({
    token: () => token,
    registry: new Registry(),
    notReady: () => null,
    sessions: () => Promise.reject(new Error("not asked")),
    pseudonyms: null,
    explain: (body) => explainAsked(body, parts),
    policy: () => {
      throw new Error("not asked");
    },
    acceptEmpty: () => Promise.reject(new Error("not asked")),
  });
  const post = async (body: unknown, authorization?: string): Promise<[number, Explained]> => {
    const response = await app.request("/v1/explain", {
      method: "POST",
      body: typeof body === "string" ? body : JSON.stringify(body),
      headers: authorization === undefined ? {} : { authorization },
    });
    const text = await response.text();
    return [response.status, (text.startsWith("{") ? JSON.parse(text) : text) as Explained];
  };
  return { post, policy };
}

const login = (content: object = {}): object => ({ op: "Login", content: { user: "alice", ...content } });

describe("POST /v1/explain", () => {
  it("explains an op as frps sends it", async () => {
    const { post, policy } = admin({ "user:alice": "deny moved away", "node:edge-1": "allow" });
    const [status, explained] = await post({
      op: login({ client_address: "203.0.113.9:1" }),
      node: "edge-1",
    });
    expect(status).toBe(200);
    expect(explained).toMatchObject({
      at: "2026-06-01T12:00:00.000Z",
      recorded: null,
      notes: [],
      op: { node: "edge-1", name: "Login", user: "alice", remote: { ip: "203.0.113.9", port: 1 } },
      decision: { effect: "refused", rule: "user:alice", reason: "moved away" },
      policy: { available: true, stale: false, rules: 2, mode: "enforce" },
      rules: [
        { key: "user:alice", outcome: "refused" },
        { key: "node:edge-1", outcome: "granted" },
      ],
    });
    expect(explained.decision.revision).toBe(policy.rules.revision);
  });

  it("takes the node's own name where none is given, and its subdomainHost", async () => {
    const { post } = admin({ "domain:*.example.com": "deny", "node:frps": "deny" });
    const content = {
      user: { user: "alice" },
      proxy_name: "alice.web",
      proxy_type: "http",
      subdomain: "web",
    };
    const asked = { op: "NewProxy", content };
    expect((await post({ op: asked }))[1].decision.rule).toBe("node:frps");
    expect((await post({ op: asked, node: "edge-2" }))[1].decision.rule).toBe("domain:*.example.com");
  });

  it("judges by the moment that is given, and for the client that is named", async () => {
    const rules = {
      "user:alice": json({ expiresAt: "2027-01-01T00:00:00Z" }),
      [`client:${aliceClient}`]: "deny",
    };
    const { post } = admin(rules);
    const [, later] = await post({ op: login(), at: "2027-01-01T01:00:00+01:00" });
    expect([later.at, later.decision.code]).toEqual(["2027-01-01T00:00:00.000Z", "access_ended"]);
    expect((await post({ op: login(), client: aliceClient }))[1].decision.rule).toBe(`client:${aliceClient}`);
    expect((await post({ op: login() }))[1].decision.effect).toBe("allowed");
  });

  it("knows the token of an op, and shows 8 digits of its hash", async () => {
    const { post } = admin({ "user:alice": tokenRule });
    const [, wrong] = await post({ op: login({ metas: { token: "wr0ng" } }) });
    expect(wrong.decision).toMatchObject({ effect: "refused", code: "token_rejected" });
    expect(wrong.rules[0]).toMatchObject({
      value: json({ tokens: [shown("s3cret")] }),
      conditions: [{ condition: "tokens", result: "fail", seen: shown("wr0ng") }],
    });
    expect(JSON.stringify(wrong)).not.toContain("wr0ng");
    expect((await post({ op: login({ metas: { token: "s3cret" } }) }))[1].decision.effect).toBe("allowed");
  });

  it.each([
    ["not JSON", "{", "the body is not JSON"],
    ["a list", [], "the body must be a JSON object with op or event"],
    ["null", "null", "the body must be a JSON object with op or event"],
    ["neither an op nor an event", {}, "the body must have one of op and event"],
    ["both", { op: login(), event: {} }, "the body must have one of op and event"],
    ["a misspelt field", { op: login(), nod: "a" }, "the body takes no nod, did you mean node?"],
    ["no node's name", { op: login(), node: "a b" }, "node must be the name of a frps"],
    ["a run id", { op: login(), client: "b23d3b0e534b0222" }, "client must be the public id"],
    [
      "a time without its zone",
      { op: login(), at: "2027-01-01T00:00:00" },
      "at must be a time with its zone",
    ],
    ["an op that is a name", { op: "Login" }, 'op must be what frps sends: {"op": "Login"'],
    ["an op without content", { op: { op: "Login" } }, "op has a content that frps never sends"],
    ["a user that is a number", { op: login({ user: 7 }) }, "op has a content that frps never sends"],
    [
      "an event that is about no op",
      { event: { type: "sluice.bridge.started", data: {} } },
      "event must be one",
    ],
    ["what is nested without end", `{"op":${"[".repeat(2e5)}${"]".repeat(2e5)}}`, "op "],
    ["what is too large", `{"op":"${"x".repeat(1024 * 1024)}"}`, "the body is larger than 1048576 bytes"],
  ])("says what is wrong with %s", async (_what, body, problem) => {
    const [status, answer] = await admin().post(body);
    expect(status).toBe(400);
    expect((answer as unknown as { error: string }).error).toContain(problem);
  });

  it("explains what prox asks, and what a rule changes there, without its secrets", async () => {
    const prox = { on_request: { requestHeaders: { authorization: "Bearer s3cret" }, rewritePath: "/new" } };
    const { post } = admin({
      "domain:*.test": "deny not here",
      "domain:a.test": "allow",
      "route:web:0": json({ prox }),
    });
    const content = { r: "web:0", d: "a.test", a: "203.0.113.9:5", m: "GET", p: "/old" };
    const [status, explained] = await post({ op: { op: "on_request", content }, node: "edge" });
    expect(status).toBe(200);
    expect(explained.op).toMatchObject({
      protocol: "prox",
      node: "edge",
      user: null,
      remote: { ip: "203.0.113.9" },
      prox: { route: "web:0", domain: "a.test", method: "GET", path: "/old" },
    });
    expect(explained.rules.map(({ key, outcome }) => [key, outcome])).toEqual([
      ["domain:a.test", "granted"],
      ["domain:*.test", "outranked"],
      ["route:web:0", "granted"],
    ]);
    expect(explained.set).toEqual({ requestHeaders: { Authorization: "***" }, rewritePath: "/new" });
    expect(JSON.stringify(explained)).not.toContain("s3cret");
    const [wrong, problem] = await post({ op: { op: "on_request", content: { r: 7 } } });
    expect([wrong, problem]).toEqual([
      400,
      { error: "op has a content that prox never sends with this hook" },
    ]);
  });

  it("explains of a response who changes it, and of what would refuse that it does not", async () => {
    const { post } = admin({
      "ip:203.0.113.9": "deny",
      "route:web:0": json({ prox: { on_response: { status: 404, remove: ["Server"] } } }),
    });
    const content = { req: { r: "web:0", a: "203.0.113.9:5" }, resp: { s: 200 } };
    const [, explained] = await post({ op: { op: "on_response", content } });
    expect(explained.decision.effect).toBe("recorded");
    expect(explained.set).toEqual({ status: 404, remove: ["Server"] });
    expect(explained.rules.map(({ key, outcome }) => [key, outcome])).toEqual([
      ["ip:203.0.113.9", "held"],
      ["route:web:0", "granted"],
    ]);
  });

  it("asks for the admin token", async () => {
    const { post } = admin({}, "t0ken");
    expect((await post({ op: login() }))[0]).toBe(401);
    expect((await post({ op: login() }, "Bearer t0ken"))[0]).toBe(200);
  });
});

describe("an event that is explained", () => {
  const origin = { instance: "i", epoch: "01a1fceb-1e64-70ea-82d3-bf2e28da0f38" };
  const none = { clientInfo: null, proxy: null, session: null };
  /** As it was published when these rules held. */
  function eventOf(
    op: ReturnType<typeof wireOp>,
    rules: Record<string, string>,
    mode: "mask" | "off" = "mask",
  ) {
    const decision = decide(view(new RuleSet(Object.entries(rules))), op, facts);
    const stamp = { sequence: 1, journalseq: 1 };
    return JSON.parse(opDraft(op, decision, origin, redactor(mode), none).render(stamp as never)) as object;
  }
  const withToken = wireLogin({ metas: { token: "s3cret" } });

  it("tells what was decided then, and what would be now", async () => {
    const conn = wireOp("NewUserConn", {
      user: userOf("alice"),
      proxy_name: "alice.ssh",
      proxy_type: "tcp",
      remote_addr: "203.0.113.9:5",
    });
    const { post, policy } = admin({ "ip:203.0.113.0/24": "deny" });
    const [, explained] = await post({ event: eventOf(conn, { "user:alice": "allow" }) });
    expect(explained.recorded).toMatchObject({
      time: "2026-06-01T12:00:00.000Z",
      effect: "allowed",
      rule: "user:alice",
    });
    expect(explained.recorded?.revision).not.toBe(policy.rules.revision);
    expect(explained.decision).toMatchObject({ effect: "refused", rule: "ip:203.0.113.0/24" });
    expect(explained.op).toMatchObject({ node: "edge-1", user: "alice", client: conn.client });
    expect(explained.notes).toEqual([]);
  });

  it("of prox is judged by what prox told, bodies and masked queries or not", async () => {
    const request = asked("on_request", {
      r: "web:0",
      d: "a.test",
      a: "203.0.113.9:5",
      m: "POST",
      q: "token=s3cret",
      bd: new Uint8Array([1]),
    });
    const { post } = admin({ "route:web:0": "deny closed" });
    const [, explained] = await post({ event: eventOf(request, {}) });
    expect(explained.recorded).toMatchObject({ effect: "allowed" });
    expect(explained.decision).toMatchObject({ effect: "refused", rule: "route:web:0", reason: "closed" });
    expect(explained.op).toMatchObject({ node: "edge-1", prox: { route: "web:0", domain: "a.test" } });
    expect(explained.notes).toEqual([]);
    const unknown = asked(9, { r: "web:0" });
    const [, other] = await post({ event: eventOf(unknown, {}) });
    expect(other.op).toMatchObject({ name: "hook_9", known: false });
  });

  it("is judged by the digits of its token that were recorded, and says so", async () => {
    const event = eventOf(withToken, { "op:Login": tokenRule });
    expect(JSON.stringify(event)).not.toContain("s3cret");
    const [, explained] = await admin({ "user:alice": tokenRule }).post({ event });
    expect(explained.decision.effect).toBe("allowed");
    expect(explained.notes).toEqual([expect.stringContaining("judged by the 8 digits that were recorded")]);
    const changed = json({ tokens: [`sha256:${hash("sha256", "other")}`] });
    expect((await admin({ "user:alice": changed }).post({ event }))[1].decision.effect).toBe("refused");
  });

  it("says that its token is not known where no rule looked at it", async () => {
    const [, explained] = await admin({ "user:alice": tokenRule }).post({ event: eventOf(withToken, {}) });
    expect(explained.decision.code).toBe("token_rejected");
    expect(explained.rules[0]?.conditions[0]?.seen).toBe("hidden in the event");
    expect(explained.notes).toEqual([
      expect.stringContaining("masked in the event, and no rule looked at it"),
    ]);
  });

  it("is judged by its token where events are not redacted, and by none where none was brought", async () => {
    const { post } = admin({ "user:alice": tokenRule });
    const [, plain] = await post({ event: eventOf(withToken, {}, "off") });
    expect([plain.decision.effect, plain.notes]).toEqual(["allowed", []]);
    const [, without] = await post({ event: eventOf(wireLogin(), {}) });
    expect([without.rules[0]?.conditions[0]?.seen, without.notes]).toEqual(["no token", []]);
  });
});
