import { hash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { shownChanges } from "../../src/events/prox-changes.ts";
import { redactor } from "../../src/events/redact.ts";
import type { Op } from "../../src/op.ts";
import { decide } from "../../src/policy/decide.ts";
import { type Explanation, explain } from "../../src/policy/explain.ts";
import type { Facts } from "../../src/policy/facts.ts";
import type { PolicyView } from "../../src/policy/policy.ts";
import { RuleSet } from "../../src/policy/rule-set.ts";
import type { MetRule } from "../../src/policy/trace.ts";
import { anyOp, anyPolicy, anyRules } from "./any-policy.ts";
import {
  after,
  cases as basicCases,
  before,
  denyByDefault,
  facts,
  json,
  login,
  newProxy,
  observe,
  ping,
  unknownOp,
  view,
  viewOf,
} from "./cases.ts";
import { banCases } from "./cases-bans.ts";
import { conditionCases } from "./cases-conditions.ts";
import { groupCases } from "./cases-groups.ts";
import { proxCases } from "./cases-prox.ts";
import { proxyCases } from "./cases-proxies.ts";

const cases = [...basicCases, ...conditionCases, ...proxyCases, ...groupCases, ...banCases, ...proxCases];
const hideSecrets = redactor("mask");

/** That what is explained is the very decision, checks and revision included. */
function expectSame(policy: PolicyView, op: Op, then: Facts): Explanation {
  const { set, prox, ...decision } = decide(policy, op, then);
  const changed = set ?? (prox && shownChanges(prox));
  const explained = explain(policy, op, then);
  expect(explained.decision).toEqual(decision);
  expect(explained.set).toEqual(changed === undefined ? null : hideSecrets(changed));
  return explained;
}

describe("what is explained is what is decided", () => {
  it.each(cases)("$name", (row) => {
    expectSame(viewOf(row), row.op, { ...facts, ...row.facts });
  });

  it("for any rules, any op and any mode", () => {
    const anyMode = fc.record({
      mode: fc.constantFrom("enforce" as const, "observe" as const),
      available: fc.boolean(),
      refuseAsStale: fc.boolean(),
    });
    fc.assert(
      fc.property(anyRules, anyOp, anyPolicy, anyMode, fc.boolean(), (entries, op, policy, mode, usual) => {
        const how = usual ? policy : { ...policy, ...mode };
        expectSame(view(new RuleSet(entries), how), op, facts);
      }),
      { numRuns: 2000 },
    );
  });

  it("and a rule that caused it is listed with an outcome that says so", () => {
    fc.assert(
      fc.property(anyRules, anyOp, anyPolicy, (entries, op, policy) => {
        const { decision, rules } = explain(view(new RuleSet(entries), policy), op, facts);
        const caused = rules.find(({ key }) => key === decision.rule);
        if (decision.rule !== null && decision.effect === "refused") expect(caused?.outcome).toBe("refused");
        if (decision.rule !== null && decision.effect === "allowed")
          expect(["granted", "would_refuse"]).toContain(caused?.outcome);
        if (decision.effect === "allowed")
          expect(rules.map(({ outcome }) => outcome)).not.toContain("refused");
        const would = decision.wouldRefuse?.rule;
        if (would) expect(rules.find(({ key }) => key === would)?.outcome).toBe("would_refuse");
      }),
      { numRuns: 2000 },
    );
  });
});

const hashOf = (token: string): string => `sha256:${hash("sha256", token)}`;

function rulesOf(
  rules: Record<string, unknown>,
  op: Op,
  policy: Parameters<typeof view>[1] = {},
  more: Partial<Facts> = {},
): Explanation {
  const entries = Object.entries(rules).map(
    ([key, value]) => [key, typeof value === "string" ? value : json(value as object as never)] as const,
  );
  return explain(view(new RuleSet(entries), policy), op, { ...facts, ...more });
}

function outcomes({ rules }: Explanation): Record<string, [MetRule["outcome"], string | null]> {
  return Object.fromEntries(rules.map(({ key, outcome, detail }) => [key, [outcome, detail]]));
}

describe("an explanation", () => {
  it("has all conditions of a rule with what each saw, also behind the one that failed", () => {
    const { rules, decision } = rulesOf(
      {
        "user:alice": {
          tokens: [hashOf("s3cret")],
          clientFrom: ["10.0.0.0/8"],
          hours: { zone: "UTC", windows: ["mon 00:00-24:00"] },
          limits: { connections: 3 },
        },
      },
      { ...login("alice"), metas: { token: "wrong" } },
    );
    expect(decision.code).toBe("token_rejected");
    expect(decision.checks).toHaveLength(1);
    expect(rules[0]?.conditions).toEqual([
      { condition: "tokens", result: "fail", seen: hashOf("wrong").slice(0, 15) },
      { condition: "clientFrom", result: "fail", seen: "198.51.100.7" },
      { condition: "hours", result: "pass", seen: "mon 12:00 in UTC" },
      { condition: "limits.connections", result: "skip" },
    ]);
  });

  it("lists every rule that was met, the most specific scope first, and what became of it", () => {
    const explained = rulesOf(
      {
        "user:alice": { groups: ["a", "b", "gone", "later"] },
        "group:a": { clientFrom: ["10.0.0.0/8"] },
        "group:b": { clientFrom: ["198.51.100.0/24"] },
        "group:later": { notBefore: after },
        "ip:198.51.100.7": { effect: "deny", expiresAt: before },
        "ip:198.51.100.0/24": { effect: "require" },
        "ip:0.0.0.0/0": "deny",
        "node:edge-1": { effect: "deny", ops: ["Ping", "NewProxy"] },
        "op:Login": "deny closed",
        "user:bob": "deny",
      },
      login("alice"),
    );
    expect(explained.rules.map(({ key }) => key).slice(0, 3)).toEqual(["user:alice", "group:a", "group:b"]);
    expect(outcomes(explained)).toEqual({
      "user:alice": ["granted", null],
      "group:a": ["not_needed", "not from this address"],
      "group:b": ["held", null],
      "group:gone": ["not_needed", "there is no such group"],
      "group:later": ["out_of_force", "it begins 2026-06-02T00:00:00.000Z"],
      "ip:198.51.100.7": ["out_of_force", "it ended 2026-05-31T00:00:00.000Z"],
      "ip:198.51.100.0/24": ["held", null],
      "ip:0.0.0.0/0": ["outranked", "by ip:198.51.100.0/24"],
      "node:edge-1": ["out_of_force", "it is for Ping, NewProxy"],
      "op:Login": ["refused", "closed"],
    });
  });

  it("says of all groups that they refuse where none lets pass", () => {
    const explained = rulesOf(
      { "user:alice": { groups: ["gone", "a"] }, "group:a": { clientFrom: ["10.0.0.0/8"] } },
      login("alice"),
    );
    expect(outcomes(explained)).toMatchObject({
      "group:gone": ["refused", "a group of this user is missing"],
      "group:a": ["refused", "not from this address"],
    });
    expect(explained.rules.find(({ key }) => key === "group:gone")?.value).toBeNull();
  });

  it("tells domains that cover less than all that is asked for from those that grant", () => {
    const asked = newProxy("alice", "alice.web", ["a.example.com", "*.example.org"]);
    const explained = rulesOf(
      {
        "domain:a.example.com": "allow",
        "domain:*.example.com": "deny",
        "domain:x.example.org": { effect: "require", proxies: { types: ["http"] } },
      },
      asked,
    );
    expect(outcomes(explained)).toEqual({
      "domain:a.example.com": ["held", "does not grant all that is asked for"],
      "domain:*.example.com": ["outranked", "by domain:a.example.com"],
      "domain:x.example.org": ["held", "covers only a part of what is asked for"],
    });
    const both = rulesOf({ "domain:a.example.com": "allow", "domain:*.example.org": "allow" }, asked);
    expect(outcomes(both)["domain:*.example.org"]).toEqual(["granted", null]);
  });

  it("says what would refuse where nothing is enforced, or this rule is not", () => {
    expect(outcomes(rulesOf({ "op:Ping": "deny why" }, ping(), observe))).toEqual({
      "op:Ping": ["would_refuse", "why"],
    });
    const triedOut = {
      "user:alice": { enforce: false, hours: { zone: "UTC", windows: ["tue 00:00-24:00"] } },
    };
    expect(outcomes(rulesOf(triedOut, ping()))).toEqual({
      "user:alice": ["would_refuse", "not at this hour"],
    });
  });

  it("says why a rule cannot be read, and shows nothing of it", () => {
    const { rules } = rulesOf({ "user:alice": "hunter2" }, ping());
    expect(rules).toEqual([
      {
        key: "user:alice",
        value: "***",
        effect: null,
        outcome: "refused",
        detail: "the value is neither allow, nor deny with or without a reason, nor a JSON object",
        conditions: [],
      },
    ]);
  });

  it.each([
    ["the default rule where it decided", { default: "deny" }, {}, { by: "default", effect: "deny" }],
    ["policy.default where there is none", {}, denyByDefault, { by: "policy.default", effect: "deny" }],
    ["neither where a rule decided", { default: "deny", "op:Ping": "allow" }, {}, null],
    ["neither where a rule refused", { default: "allow", "op:Ping": "deny" }, {}, null],
    ["neither without a policy", { default: "allow" }, { available: false }, null],
  ] as const)("names %s", (_what, rules, policy, by) => {
    expect(rulesOf(rules, ping(), policy).default).toEqual(by);
  });

  it("tells of an op that nobody knows that no default is asked", () => {
    const explained = rulesOf({ default: "deny" }, unknownOp());
    expect([explained.default, explained.rules, explained.ownNames.result]).toEqual([null, [], "skip"]);
  });

  it("says whether the proxy's name may be used", () => {
    const asked = newProxy("alice", "bob.ssh");
    expect(rulesOf({}, asked).ownNames.result).toBe("fail");
    expect(rulesOf({}, newProxy("alice", "alice.ssh")).ownNames.result).toBe("pass");
    expect(rulesOf({}, asked, { ownNames: false }).ownNames).toEqual({
      result: "skip",
      seen: "policy.ownNames is off",
    });
    expect(rulesOf({}, ping()).ownNames.result).toBe("skip");
  });

  it("of an op that cannot be refused has no rule", () => {
    const close = { ...newProxy("alice", "alice.ssh"), name: "CloseProxy", refusable: false };
    const explained = rulesOf({ "user:alice": "deny" }, close);
    expect([explained.decision.effect, explained.rules]).toEqual(["recorded", []]);
  });

  it("holds no token, no hash of one, and no secret that a rule sets", () => {
    const text = JSON.stringify(
      rulesOf(
        {
          "user:alice": {
            tokens: [hashOf("s3cret"), hashOf("0ther")],
            set: { Login: { metas: { token: "n3w" }, privilege_key: "pr1vate" } },
          },
        },
        { ...login("alice"), metas: { token: "s3cret" } },
      ),
    );
    expect(text).toContain(hashOf("s3cret").slice(0, 15));
    expect(text).toContain(hashOf("0ther").slice(0, 15));
    for (const secret of [
      "s3cret",
      "n3w",
      "pr1vate",
      hashOf("s3cret").slice(0, 16),
      hashOf("0ther").slice(0, 16),
    ])
      expect(text).not.toContain(secret);
  });

  it("lists a bounded number of rules, the refusing one among them", () => {
    const domains = Array.from({ length: 1500 }, (_, n) => `d${n}.example.com`);
    const rules = Object.fromEntries(domains.map((domain) => [`domain:${domain}`, { effect: "require" }]));
    const asked = newProxy("alice", "alice.web", domains);
    const explained = rulesOf({ ...rules, "node:edge-1": "deny" }, asked);
    expect([explained.rules.length, explained.rulesLeftOut]).toEqual([1000, 501]);
    expect(explained.rules.at(-1)?.key).toBe("node:edge-1");
    expect(explained.op.proxy?.domains).toHaveLength(64);
  });
});

describe("an op read from an event", () => {
  const rules = { "user:alice": { tokens: [hashOf("s3cret"), hashOf("new")] } };
  const masked = { ...login("alice"), metas: { token: "***" } };
  const shown = hashOf("s3cret").slice(0, 15);

  it.each([
    ["passes by the digits that the event has of its token", shown, "allowed", shown],
    ["fails by the digits of another token", "sha256:00000000", "refused", "sha256:00000000"],
    ["fails where the event has none", null, "refused", "hidden in the event"],
  ])("%s", (_what, token, effect, seen) => {
    const { decision, rules: met } = rulesOf(
      rules,
      masked,
      {},
      {
        recorded: { unknownAs: "fail", hiddenToken: token },
      },
    );
    expect(decision.effect).toBe(effect);
    expect(met[0]?.conditions[0]?.seen).toBe(seen);
    expect(decision.checks[0]).toEqual({ rule: "user:alice", ...met[0]?.conditions[0] });
  });
});
