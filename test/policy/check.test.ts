/** What the check says of a policy: one small policy for each finding, and one that differs in what matters. */
import { describe, expect, it } from "vitest";
import type { Finding } from "../../src/policy/check/finding.ts";
import { type CheckInput, checkPolicy } from "../../src/policy/check.ts";

const nowMs = Date.parse("2026-06-01T00:00:00Z");

interface Given {
  readonly default?: "allow" | "deny";
  readonly ownNames?: boolean;
  readonly seen?: CheckInput["seen"];
  /** By key, milliseconds. */
  readonly ttl?: Readonly<Record<string, number>>;
}

type Rules = Readonly<Record<string, string | object>>;

function check(
  rules: Rules,
  { default: base = "deny", ownNames = true, seen = null, ttl = {} }: Given = {},
): Finding[] {
  const stored = Object.entries(rules).map(([key, value]) => ({
    key,
    value: typeof value === "string" ? value : JSON.stringify(value),
    leftMs: ttl[key] ?? null,
  }));
  return checkPolicy({ rules: stored, settings: { default: base, ownNames }, seen, nowMs });
}

function short(findings: readonly Finding[]): string[] {
  return findings.map(({ severity, code, key }) => `${severity} ${code} ${key}`);
}

const past = "2026-01-01T00:00:00Z";
const future = "2027-01-01T00:00:00Z";
const tcp = { node: "edge", type: "tcp", endsTold: false };

describe("the check finds", () => {
  const cases: readonly [what: string, Rules, string[], Given?][] = [
    ["a value that cannot be read", { "user:a": "alow" }, ["error unreadable user:a"]],
    ["a key that covers nothing", { "usr:a": "allow" }, ["error covers_nothing usr:a"]],
    [
      "two keys for one network",
      { "ip:10.1.2.3/8": "deny", "ip:10.0.0.0/8": "deny" },
      ["warning same ip:10.0.0.0/8"],
    ],
    [
      "two keys for one domain",
      { "domain:A.de": "deny", "domain:a.de": "deny" },
      ["warning same domain:A.de"],
    ],
    [
      "an allow for an op that is denied",
      { "op:Login": "deny", "user:a": { ops: ["Login"] } },
      ["warning shadowed user:a"],
    ],
    [
      "a require for ops that are denied one by one",
      { "op:Login": "deny", "op:NewProxy": "deny", "node:n": { ops: ["NewProxy", "Login"] } },
      ["warning shadowed node:n"],
    ],
    [
      "a proxy of a denied user",
      { "user:a": "deny", "proxy:a.ssh": "allow" },
      ["warning shadowed proxy:a.ssh"],
    ],
    [
      "a proxy whose possible users are all denied",
      { "user:a": "deny", "user:a.b": "deny", "proxy:a.b.c": "allow" },
      ["warning shadowed proxy:a.b.c"],
    ],
    [
      "a user whose group denies",
      { "user:a": { groups: ["g"] }, "group:g": "deny" },
      ["warning shadowed user:a"],
    ],
    ["a group that nobody lists", { "group:g": { effect: "require" } }, ["warning unused_group group:g"]],
    ["a group that is not there", { "user:a": { groups: ["g"] } }, ["warning missing_group user:a"]],
    ["an allow that has ended", { "user:a": { expiresAt: past } }, ["warning ended user:a"]],
    ["a deny that has ended", { "user:a": { effect: "deny", expiresAt: past } }, ["warning ended user:a"]],
    ["a rule that has not begun", { "user:a": { notBefore: future } }, ["info not_begun user:a"]],
    [
      "an allow with a TTL under a default that allows",
      { "user:a": "allow" },
      ["warning temporary_allow user:a"],
      { default: "allow", ttl: { "user:a": 90_000 } },
    ],
    [
      "the same where a default rule allows",
      { default: "allow", "user:a": "allow" },
      ["warning temporary_allow user:a"],
      { ttl: { "user:a": 1 } },
    ],
    [
      "an allow that will end under a default that allows",
      { "user:a": { expiresAt: future } },
      ["info temporary_allow user:a"],
      { default: "allow" },
    ],
    [
      "a limit where ends are not told",
      { "user:a": { limits: { connections: 1 } } },
      ["warning not_enforceable user:a"],
      { seen: [tcp] },
    ],
    ["a rule that is only tried out", { "user:a": { enforce: false } }, ["info tried_out user:a"]],
    [
      "a condition of another op",
      { "user:a": { ops: ["Login"], proxies: { max: 1 } } },
      ["warning never_asked user:a"],
    ],
    [
      "a condition that its op never asks",
      { "op:Ping": { visitorFrom: ["::/0"] } },
      ["warning never_asked op:Ping"],
    ],
    [
      "a rewrite of another op",
      { "user:a": { ops: ["Login"], set: { NewProxy: { group: "x" } } } },
      ["warning never_asked user:a"],
    ],
    ["ops that cannot be refused", { "user:a": { ops: ["CloseProxy"] } }, ["warning never_asked user:a"]],
    ["ops that never meet the key", { "proxy:a": { ops: ["Login"] } }, ["warning never_asked proxy:a"]],
    [
      "an op rule that is limited to another",
      { "op:Login": { ops: ["Ping"] } },
      ["warning never_asked op:Login"],
    ],
    [
      "ports of types that have none",
      { "user:a": { proxies: { types: ["http"], ports: [1] } } },
      ["warning never_asked user:a"],
    ],
    [
      "a reason that nobody is told, since the rule allows",
      { "user:a": { reason: "moved" } },
      ["warning untold_reason user:a"],
    ],
    [
      "a reason that nobody is told, since the rule requires",
      { "ip:10.0.0.0/8": { reason: "closed" } },
      ["warning untold_reason ip:10.0.0.0/8"],
    ],
    [
      "names with the prefix of their own user",
      { "user:a": { proxies: { names: ["a.ssh"] } } },
      ["warning prefixed_name user:a"],
    ],
    [
      "changes of requests on a rule that is limited to connections",
      { "route:web:0": { ops: ["on_connect"], prox: { on_request: { cleanQuery: true } } } },
      ["warning never_asked route:web:0"],
    ],
    [
      "a response on a rule for requests",
      { "op:on_request": { prox: { on_response: { status: 404 } } } },
      ["warning never_asked op:on_request"],
    ],
    [
      "a rule for responses that changes none",
      { "op:on_response": "deny" },
      ["warning never_asked op:on_response"],
    ],
    [
      "a route without a number",
      { "route:web": "deny", "route:/api/*": "deny", "route:web:1": "deny" },
      ["warning never_asked route:/api/*", "warning never_asked route:web"],
    ],
    [
      "a route that is limited to what frps asks",
      { "route:web:0": { ops: ["Login", "NewProxy"] } },
      ["warning never_asked route:web:0"],
    ],
    [
      "a field of prox that would do nothing",
      { "route:web:0": { prox: { on_request: { headers: { A: "b" } } } } },
      ["error unreadable route:web:0"],
    ],
    [
      "what prox is to be told and can't be",
      { "prox:speed:*": "20", "prox:web": "x" },
      ["error unreadable prox:speed:*", "error covers_nothing prox:web"],
    ],
    [
      "targets that end",
      { "prox:targets:web:0": '["a:1"]', "prox:speed:web:0": '{"uploadMbps":1}' },
      ["warning temporary_targets prox:targets:web:0"],
      { ttl: { "prox:targets:web:0": 90_000, "prox:speed:web:0": 90_000 } },
    ],
    ["a ban for ever", { "ban:192.0.2.1": "deny" }, ["info lasting_ban ban:192.0.2.1"]],
    [
      "subdomains of types that have none",
      { "user:a": { proxies: { types: ["tcp"], subdomains: ["*"] } } },
      ["warning never_asked user:a"],
    ],
  ];
  it.each(cases)("%s", (_what, rules, expected, given) => {
    expect(short(check(rules, given))).toEqual(expected);
  });
});

describe("the check finds nothing in", () => {
  const cases: readonly [what: string, Rules, Given?][] = [
    ["an empty policy", {}],
    [
      "a reason of a deny, and of an allow that says so",
      { "user:a": { effect: "deny", reason: "x" }, "user:b": { effect: "allow", reason: "x" } },
    ],
    [
      "names with the prefix of another user, or of the rule of a group",
      {
        "user:a": { proxies: { names: ["b.ssh", "a"] }, groups: ["a"] },
        "group:a": { proxies: { names: ["a.x"] } },
      },
    ],
    ["a ban that ends", { "ban:192.0.2.1": "deny" }, { ttl: { "ban:192.0.2.1": 1 } }],
    ["a ban with an end", { "ban:192.0.2.1": { expiresAt: future } }],
    [
      "an allow for an op that is denied among others",
      { "op:Login": "deny", "user:a": { ops: ["Login", "Ping"] } },
    ],
    ["a proxy that another user may own", { "user:a": "deny", "proxy:a.b.c": "allow" }],
    [
      "a proxy of a denied user where names are free",
      { "user:a": "deny", "proxy:a.ssh": "allow" },
      { ownNames: false },
    ],
    [
      "a proxy of a user denied at Login alone",
      { "user:a": { effect: "deny", ops: ["Login"] }, "proxy:a.ssh": "allow" },
    ],
    [
      "a proxy of a user who is denied for an hour",
      { "user:a": "deny", "proxy:a.ssh": "allow" },
      { ttl: { "user:a": 3_600_000 } },
    ],
    [
      "an allow within a wider deny, which the more exact outranks",
      { "ip:10.0.0.0/8": "deny", "ip:10.1.0.0/16": "allow" },
    ],
    [
      "an allow with a TTL under a default that denies",
      { default: "deny", "user:a": "allow" },
      { default: "allow", ttl: { "user:a": 1 } },
    ],
    ["a deny with a TTL", { "user:a": "deny" }, { default: "allow", ttl: { "user:a": 1 } }],
    [
      "a limit where ends are told",
      { "user:a": { limits: { connections: 1 } } },
      { seen: [{ ...tcp, endsTold: true }] },
    ],
    [
      "a limit for other types",
      { "user:a": { limits: { connections: 1 }, proxies: { types: ["stcp"] } } },
      { seen: [tcp] },
    ],
    [
      "a limit of types that frps never asks about",
      { "user:a": { limits: { connections: 1 } } },
      { seen: [{ ...tcp, type: "http" }] },
    ],
    [
      "conditions of the ops that it is limited to",
      { "user:a": { ops: ["NewProxy"], proxies: { ports: [1], types: ["udp"] } } },
    ],
    [
      "changes of what it is limited to at prox",
      {
        "op:on_response": { prox: { on_response: { remove: ["Server"] } } },
        "route:web:0": { ops: ["on_request"], prox: { on_request: { cleanQuery: true } } },
        "domain:a.test": {
          visitorFrom: ["10.0.0.0/8"],
          prox: { on_request: { status: 404 }, on_response: { remove: ["Server"] } },
        },
      },
    ],
    [
      "conditions of an op that nobody knows",
      { "op:NewThing": { hours: { zone: "UTC", windows: ["mon 08:00-09:00"] } } },
    ],
  ];
  it.each(cases)("%s", (_what, rules, given) => {
    expect(check(rules, given)).toEqual([]);
  });
});

describe("a finding", () => {
  it("of keys that cover the same says which effect each has, and favours none", () => {
    const [finding] = check({
      "ip:10.9.9.9/8": "allow",
      "ip:10.0.0.0/8": "deny",
      "ip:10.1.2.3/8": "x",
    }).filter(({ code }) => code === "same");
    expect(finding).toMatchObject({
      key: "ip:10.0.0.0/8",
      what: "(deny) covers the same as ip:10.1.2.3/8 (unreadable), ip:10.9.9.9/8 (allow): each counts, and a deny or an unreadable one refuses",
      remedy: "keep the one that you mean",
    });
  });

  it("says when a temporary allow ends, and holds nothing of a value", () => {
    const [finding] = check({ "user:a": "allow" }, { default: "allow", ttl: { "user:a": 3_725_000 } });
    expect(finding?.what).toContain("ends in 1h 2m by its TTL");
    expect(JSON.stringify(check({ "user:a": '{"toekns":["s3cret"]}' }))).not.toContain("s3cret");
  });

  it("stands in one order: errors, warnings, infos, each by key", () => {
    const rules = { "user:b": "x", "user:a": { enforce: false }, "group:g": "deny", "user:0": "x" };
    expect(short(check(rules))).toEqual([
      "error unreadable user:0",
      "error unreadable user:b",
      "warning unused_group group:g",
      "info tried_out user:a",
    ]);
  });
});
