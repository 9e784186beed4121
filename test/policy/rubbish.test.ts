/** Rubbish under any key: never an exception, never an allow, and always named by the check. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { checkPolicy } from "../../src/policy/check.ts";
import { decide } from "../../src/policy/decide.ts";
import { parseRule } from "../../src/policy/rule.ts";
import { RuleSet } from "../../src/policy/rule-set.ts";
import { aliceClient, facts, newProxy, nowMs, userConn, view } from "./cases.ts";
import { rubbish } from "./rubbish.ts";

const asked = {
  ...userConn("alice", "alice.web", "203.0.113.9"),
  client: aliceClient,
};
const proxy = newProxy("alice", "alice.web", ["www.example.com"], "http");
const settings = { default: "allow", ownNames: true } as const;

/** Keys that the op meets. */
const met = [
  "default",
  "op:NewUserConn",
  `node:${asked.node}`,
  "user:alice",
  `client:${aliceClient}`,
  "proxy:alice.web",
  "ip:203.0.113.0/24",
  "ip:203.0.113.9",
] as const;
const domains = ["domain:*.example.com", "domain:www.example.com"] as const;

it("10,000 values of rubbish refuse what their keys cover, whatever else allows it", () => {
  const key = fc.constantFrom(...met, ...domains);
  const others = fc.constantFrom(...met).map((key) => [key, "allow"] as const);
  const property = fc.property(key, rubbish, fc.array(others, { maxLength: 2 }), (key, value, allows) => {
    const rule = parseRule(key, value);
    const op = key.startsWith("domain:") ? proxy : asked;
    const usable = allows.filter(([other]) => key !== "default" && other !== key && !other.startsWith("ip:"));
    const decision = decide(view(new RuleSet([...usable, [key, value]])), op, facts);
    expect([rule.readable, decision.effect, decision.code, decision.rule]).toEqual([
      false,
      "refused",
      "rule_unreadable",
      key,
    ]);
    expect(decision.reason).not.toBe("");
  });
  fc.assert(property, { numRuns: 10_000 });
});

it("rubbish in a group refuses the users who list it", () => {
  const property = fc.property(rubbish, (value) => {
    const rules = new RuleSet([
      ["user:alice", '{"groups":["g"]}'],
      ["group:g", value],
    ]);
    expect(decide(view(rules), asked, facts).code).toBe("rule_unreadable");
  });
  fc.assert(property, { numRuns: 500 });
});

it("the check names each of 10,000 values of rubbish, under whatever key", () => {
  const key = fc.oneof(
    fc.constantFrom(
      "user:",
      "proxy:",
      "node:",
      "group:",
      "op:X",
      "usr:",
      "ip:x",
      "domain:..",
      "client:",
      "",
      "ban:x",
    ),
    fc.string({ unit: "binary", maxLength: 12 }),
  );
  const seed = Date.now();
  const stored = fc.sample(fc.tuple(key, rubbish), { numRuns: 10_000, seed }).map(([key, value], at) => ({
    key: `${key}${at}`,
    value,
    leftMs: at % 7 === 0 ? at : null,
  }));
  const findings = checkPolicy({ rules: stored, settings, seen: [], nowMs });
  const errors = findings.filter(({ severity }) => severity === "error");
  expect(errors.map(({ key }) => key).sort(), `seed ${seed}`).toEqual(stored.map(({ key }) => key).sort());
});
