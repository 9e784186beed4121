import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Op } from "../../src/op.ts";
import { decide } from "../../src/policy/decide.ts";
import { wildcardBase } from "../../src/policy/domains.ts";
import { RuleSet } from "../../src/policy/rule-set.ts";
import { anyKey, anyOp, anyPolicy, anyRules, anyValue } from "./any-policy.ts";
import { cases as basicCases, facts, login, newProxy, ping, view, viewOf } from "./cases.ts";
import { banCases } from "./cases-bans.ts";
import { conditionCases } from "./cases-conditions.ts";
import { groupCases } from "./cases-groups.ts";
import { proxCases } from "./cases-prox.ts";
import { proxyCases } from "./cases-proxies.ts";

const cases = [...basicCases, ...conditionCases, ...proxyCases, ...groupCases, ...banCases, ...proxCases];

describe("what the policy says", () => {
  it.each(cases)("$name", (row) => {
    const decision = decide(viewOf(row), row.op, { ...facts, ...row.facts });
    const { effect, code, rule, reason, wouldRefuse, set, prox } = decision;
    expect({ effect, code, rule }).toEqual({ effect: row.is.effect, code: row.is.code, rule: row.is.rule });
    expect(reason).toBe(row.is.reason ?? reason);
    expect(reason).not.toBe("");
    expect(wouldRefuse ? [wouldRefuse.code, wouldRefuse.rule] : undefined).toEqual(row.is.would);
    expect(wouldRefuse?.reason).not.toBe("");
    expect(set).toEqual(row.is.set);
    expect(prox).toEqual(row.is.prox);
  });

  it.each(cases)("is the same in whatever order the rules were written: $name", (row) => {
    const backwards = new RuleSet(Object.entries(row.rules).reverse());
    const then = { ...facts, ...row.facts };
    expect(decide(view(backwards, row.policy), row.op, then)).toEqual(decide(viewOf(row), row.op, then));
  });
});

describe("a decision", () => {
  it("names the revision of the rules that made it", () => {
    const rules = new RuleSet([["user:alice", "allow"]]);
    const first = decide(view(rules), ping(), facts).revision;
    expect(first).toBe(rules.revision);
    rules.set("user:bob", "deny");
    expect(decide(view(rules), ping(), facts).revision).toBe(rules.revision);
    expect(rules.revision).not.toBe(first);
  });

  it("lists every rule that was looked at with what became of it", () => {
    const rules = new RuleSet([
      ["user:alice", `{"ops":["Login"]}`],
      ["node:edge-1", "allow"],
      ["op:Ping", "deny"],
      ["user:bob", "deny"],
    ]);
    expect(decide(view(rules), ping(), facts).checks).toEqual([
      { rule: "user:alice", condition: "ops", result: "skip" },
      { rule: "node:edge-1", condition: "effect", result: "pass", seen: "allow" },
      { rule: "op:Ping", condition: "effect", result: "fail", seen: "deny" },
    ]);
  });

  it("says when an allow ended", () => {
    const rules = new RuleSet([["user:alice", `{"expiresAt":"2026-05-31T00:00:00Z"}`]]);
    expect(decide(view(rules), ping(), facts).checks).toEqual([
      { rule: "user:alice", condition: "expiresAt", result: "fail", seen: "ended 2026-05-31T00:00:00.000Z" },
    ]);
  });

  it("lists a bounded number of checks for an op that asks for thousands of domains", () => {
    const domains = Array.from({ length: 2000 }, (_, n) => `d${n}.example.com`);
    const rules = new RuleSet([["domain:*.example.com", "deny"]]);
    const decision = decide(view(rules), newProxy("alice", "alice.web", domains), facts);
    expect(decision.effect).toBe("refused");
    expect(decision.checks.length).toBeLessThanOrEqual(64);
  });

  it("is one shared object for ops that no rule touches", () => {
    const policy = view(new RuleSet([["user:bob", "deny"]]));
    const shared = decide(policy, ping(), facts);
    expect(decide(policy, login("carol"), facts)).toBe(shared);
    policy.rules.set("user:dan", "deny");
    expect(decide(policy, ping(), facts)).toEqual({ ...shared, revision: policy.rules.revision });
  });

  it("comes promptly for names of thousands of labels", () => {
    const policy = view(
      new RuleSet([
        ["domain:*.example.com", "deny"],
        ["user:a", "allow"],
      ]),
    );
    // V8 hashes a string up to 16,383 characters in full, so these are the dearest to look up.
    const labels = "b.".repeat(8000);
    const domains = Array.from({ length: 60 }, (_, n) => `${labels}${n}.example.com`);
    const op = {
      ...newProxy("", `${labels}ssh`),
      proxy: { name: `${labels}ssh`, type: "http", domains, remotePort: null },
    };
    const startedMs = performance.now();
    expect(decide(policy, op, facts).rule).toBe("domain:*.example.com");
    expect(performance.now() - startedMs).toBeLessThan(1000);
  });
});

describe("for any rules and any op", () => {
  it("a deny is never overridden by an allow of another scope", () => {
    const keysOf = (op: Op): string[] => [
      `op:${op.name}`,
      `node:${op.node}`,
      ...(op.user === null ? [] : [`user:${op.user}`, "group:of-all"]),
      ...(op.client && op.known ? [`client:${op.client}`] : []),
      ...(op.proxy && op.known ? [`proxy:${op.proxy.name}`] : []),
      ...(op.remote?.ip ? [`ip:${op.remote.ip}`, `ban:${op.remote.ip}`] : []),
      ...(op.known ? (op.proxy?.domains ?? []) : []).map((domain) => `domain:${domain}`),
      ...(op.prox?.domain ? [`domain:${op.prox.domain}`] : []),
      ...(op.prox?.route ? [`route:${op.prox.route}`] : []),
    ];
    fc.assert(
      fc.property(anyRules, anyOp, anyPolicy, fc.nat(), (entries, op, policy, pick) => {
        const keys = keysOf(op);
        const key = keys[pick % keys.length]!;
        const rules = new RuleSet(entries);
        if (key === "group:of-all") rules.set(`user:${op.user}`, `{"groups":["guests","of-all"]}`);
        rules.set(key, "deny");
        const { effect, checks } = decide(view(rules, policy), op, facts);
        expect(effect).toBe("refused");
        expect(checks).toContainEqual({ rule: key, condition: "effect", result: "fail", seen: "deny" });
      }),
      { numRuns: 500 },
    );
  });

  it("removing a rule changes only ops that it covered", () => {
    fc.assert(
      fc.property(anyRules, anyKey, anyValue, anyOp, anyPolicy, (entries, key, value, op, policy) => {
        const rules = new RuleSet(entries.filter(([other]) => other !== key));
        const { revision: _without, ...without } = decide(view(rules, policy), op, facts);
        rules.set(key, value);
        const { revision: _with, ...withIt } = decide(view(rules, policy), op, facts);
        const covered = covers(key, op) || coversByGroup(key, op, entries);
        if (!covered) expect(withIt).toEqual(without);
      }),
      { numRuns: 1500 },
    );
  });

  it("a decision does not depend on the order of writing", () => {
    fc.assert(
      fc.property(
        anyRules.chain((entries) =>
          fc.tuple(fc.constant(entries), fc.shuffledSubarray(entries, { minLength: entries.length })),
        ),
        anyOp,
        anyPolicy,
        ([entries, shuffled], op, policy) => {
          const one = decide(view(new RuleSet(entries), policy), op, facts);
          expect(decide(view(new RuleSet(shuffled), policy), op, facts)).toEqual(one);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("writing and removing rules leaves no trace in later decisions", () => {
    fc.assert(
      fc.property(anyRules, anyRules, anyOp, anyPolicy, (entries, passing, op, policy) => {
        const rules = new RuleSet(passing);
        for (const [key, value] of entries) rules.set(key, value);
        for (const [key] of passing) if (!entries.some(([kept]) => kept === key)) rules.delete(key);
        expect(decide(view(rules, policy), op, facts)).toEqual(
          decide(view(new RuleSet(entries), policy), op, facts),
        );
      }),
      { numRuns: 500 },
    );
  });

  it("a refusal has a reason, and observe mode never refuses", () => {
    fc.assert(
      fc.property(anyRules, anyOp, anyPolicy, (entries, op, policy) => {
        const rules = new RuleSet(entries);
        const enforced = decide(view(rules, policy), op, facts);
        const observed = decide(view(rules, { ...policy, mode: "observe" }), op, facts);
        expect(enforced.reason).not.toBe("");
        expect(observed.effect).toBe("allowed");
        if (enforced.effect === "refused") {
          expect(observed.wouldRefuse).toEqual({
            reason: enforced.reason,
            code: enforced.code,
            rule: enforced.rule,
          });
        }
      }),
    );
  });

  it("a requested wildcard never passes a deny that it overlaps", () => {
    const label = fc.constantFrom("a", "b", "example", "com");
    const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));
    const domain = fc.oneof(
      name,
      name.map((base) => `*.${base}`),
      fc.constant("*"),
    );
    fc.assert(
      fc.property(fc.uniqueArray(domain, { maxLength: 8 }), domain, domain, (others, denied, asked) => {
        const rules = new RuleSet(
          others.filter((other) => other !== denied).map((other) => [`domain:${other}`, "allow"]),
        );
        const nearer = rules.forDomain(asked)[0];
        rules.set(`domain:${denied}`, "deny");
        const { effect } = decide(view(rules), newProxy("alice", "alice.web", [asked]), facts);
        if (wildcardBase(asked) !== null && overlaps(asked, denied)) {
          // An allow between the two is more exact than a deny above it.
          const shielded = contains(denied, asked) && nearer !== undefined && contains(denied, nearer.key.id);
          expect(effect).toBe(shielded ? "allowed" : "refused");
        }
        if (!overlaps(asked, denied)) expect(effect).toBe("allowed");
      }),
      { numRuns: 1000 },
    );
  });
});

describe("for any rubbish", () => {
  const rubbish = fc.oneof(
    fc.string({ unit: "binary", maxLength: 40 }),
    fc.json(),
    fc.string().map((text) => `allow${text}`),
    fc.string().map((text) => `{"effect":"allow",${text}}`),
    fc
      .dictionary(fc.string(), fc.jsonValue())
      .map((fields) => JSON.stringify({ effect: "allow", ...fields })),
  );
  const known = ["effect", "reason", "ops", "notBefore", "expiresAt", "enforce", "by", "note"];
  const mayBeARule = (value: string): boolean => {
    if (value.trim() === "allow") return true;
    try {
      return (
        Object.keys(JSON.parse(value)).every((key) => known.includes(key)) && value.trim().startsWith("{")
      );
    } catch {
      return false;
    }
  };

  it("10,000 values that are no rule never crash, and never allow", () => {
    fc.assert(
      fc.property(rubbish, (value) => {
        fc.pre(!mayBeARule(value));
        const rules = new RuleSet([["user:alice", value]]);
        expect(decide(view(rules), ping(), facts).effect).toBe("refused");
      }),
      { numRuns: 10_000 },
    );
  });

  it("keys that are no key never crash, and change no decision", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 40 }), (key) => {
        const rules = new RuleSet([[key, "deny"]]);
        expect(rules.get(key)?.key.text).toBe(key);
        if (rules.get(key)?.key.scope === null)
          expect(decide(view(rules), ping(), facts).effect).toBe("allowed");
      }),
    );
  });
});

/** By plain comparison, so that it shares nothing with the look-ups. */
function covers(key: string, op: Op): boolean {
  const [scope = "", ...rest] = key.split(":");
  const id = rest.join(":").toLowerCase().replace("::ffff:", "");
  const name = op.proxy?.name ?? "";
  switch (scope) {
    case "default":
      return op.known;
    case "op":
      return op.name === rest[0];
    case "node":
      return op.node === id;
    case "user":
      // A user's rule also keeps the user's prefix from anonymous clients.
      return op.user === id || (op.user === "" && id !== "" && name.startsWith(`${id}.`));
    case "client":
      return op.known && op.client === id;
    case "proxy":
      return op.known && name === id;
    case "ip":
    case "ban":
      return op.remote?.ip != null && naiveNetworks[id]!.test(op.remote.ip);
    case "domain":
      return (
        op.known &&
        [...(op.proxy?.domains ?? []), op.prox?.domain ?? ""].some((domain) => overlaps(domain, id))
      );
    case "route":
      return op.prox?.route === id;
    default:
      return false;
  }
}

function coversByGroup(key: string, op: Op, entries: readonly (readonly [string, string])[]): boolean {
  const users = entries.filter(([other]) => other === `user:${op.user}`);
  return key.startsWith("group:") && users.some(([, value]) => value.includes(key.slice("group:".length)));
}

const naiveNetworks: Record<string, RegExp> = {
  "198.51.100.7": /^198\.51\.100\.7$/,
  "198.51.100.0/24": /^198\.51\.100\./,
  "0.0.0.0/0": /\./,
  "2001:db8::/32": /^2001:db8:/,
};

function contains(outer: string, inner: string): boolean {
  if (outer === inner || outer === "*") return true;
  if (!outer.startsWith("*.")) return false;
  const base = inner.startsWith("*.") ? inner.slice(1) : inner;
  return base.endsWith(outer.slice(1)) && (inner.startsWith("*.") || base.length > outer.length - 1);
}

function overlaps(a: string, b: string): boolean {
  return contains(a, b) || contains(b, a);
}
