/** What the policy says about the hooks of prox: read from its words, so that a case proves the wire as well. */
import { describe, expect, it } from "vitest";
import type { ReasonCode } from "../../src/decision.ts";
import type { Op } from "../../src/op.ts";
import { decide } from "../../src/policy/decide.ts";
import type { PolicySettings } from "../../src/policy/policy.ts";
import { RuleSet } from "../../src/policy/rule-set.ts";
import { facts, view } from "../policy/cases.ts";
import { asked } from "./asked.ts";

const connection = { r: "gw:0", d: "A.l4.test", a: "203.0.113.9:50000" };
const connect = asked("on_connect", connection);
const request = asked("on_request", {
  r: "web:0",
  m: "GET",
  p: "/",
  d: "web.test",
  a: "[2001:db8::1]:50000",
});
const response = asked("on_response", { req: { r: "web:0", d: "web.test" }, resp: { s: 200 } });
const disconnect = asked("on_disconnect", { r: "web:0", a: "203.0.113.9:50000", rx: 1, tx: 2, ms: 3 });

function decided(rules: Record<string, string>, op: Op, settings: Partial<PolicySettings> = {}) {
  const { effect, code, rule } = decide(view(new RuleSet(Object.entries(rules)), settings), op, facts);
  return [effect, code, rule];
}

type Row = readonly [
  name: string,
  rules: Record<string, string>,
  op: Op,
  code: ReasonCode,
  rule: string | null,
];

const refused: readonly Row[] = [
  ["the address of a connection", { "ip:203.0.113.0/24": "deny" }, connect, "rule_deny", "ip:203.0.113.0/24"],
  ["a ban of it", { "ban:203.0.113.9": "deny" }, connect, "banned", "ban:203.0.113.9"],
  ["the address of a request", { "ip:2001:db8::/32": "deny" }, request, "rule_deny", "ip:2001:db8::/32"],
  ["the domain of a connection", { "domain:a.l4.test": "deny" }, connect, "rule_deny", "domain:a.l4.test"],
  ["a wildcard above it", { "domain:*.l4.test": "deny" }, connect, "rule_deny", "domain:*.l4.test"],
  ["the domain of a request", { "domain:web.test": "deny" }, request, "rule_deny", "domain:web.test"],
  ["the node", { "node:edge-1": "deny" }, request, "rule_deny", "node:edge-1"],
  ["the op", { "op:on_request": "deny" }, request, "rule_deny", "op:on_request"],
  ["everybody by default", { default: "deny" }, connect, "default_deny", "default"],
  [
    "visitors who come from elsewhere",
    { "domain:web.test": '{"visitorFrom":["10.0.0.0/8"]}' },
    request,
    "visitor_address",
    "domain:web.test",
  ],
  [
    "a time outside its hours",
    { "op:on_connect": '{"hours":{"zone":"UTC","windows":["sun 00:00-01:00"]}}' },
    connect,
    "outside_hours",
    "op:on_connect",
  ],
];

describe("the policy at prox", () => {
  it.each(refused)("refuses %s", (_what, rules, op, code, rule) => {
    expect(decided({}, op)).toEqual(["allowed", "default_allow", null]);
    expect(decided(rules, op)).toEqual(["refused", code, rule]);
  });

  it.each<[string, Record<string, string>, Op]>([
    ["the address", { "ip:203.0.113.9": "allow" }, connect],
    ["the domain", { "domain:*.l4.test": "allow" }, connect],
    ["the nearest of several domains", { "domain:*": "deny", "domain:a.l4.test": "allow" }, connect],
    ["the node", { "node:edge-1": '{"effect":"allow"}' }, request],
  ])("grants by %s what the default denies", (_what, rules, op) => {
    expect(decided({}, op, { default: "deny" })).toEqual(["refused", "default_deny", null]);
    expect(decided(rules, op, { default: "deny" })[0]).toBe("allowed");
  });

  it("asks nobody for a token or a name of their own: prox has no users", () => {
    const rules = {
      "op:on_request": `{"tokens":["sha256:${"0".repeat(64)}"]}`,
      "user:": "deny",
      "proxy:x": "deny",
    };
    expect(decided(rules, request)[0]).toBe("allowed");
  });

  it("only records what was answered already, whatever the rules say", () => {
    for (const op of [response, disconnect]) {
      expect(decided({ default: "deny", "node:edge-1": "deny" }, op)).toEqual([
        "recorded",
        "not_refusable",
        null,
      ]);
    }
  });

  it("refuses until a policy is there", () => {
    const { effect, code } = decide(view(new RuleSet(), { available: false }), request, facts);
    expect([effect, code]).toEqual(["refused", "policy_unavailable"]);
  });
});
