import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decide } from "../../src/policy/decide.ts";
import { type Difference, differencesOf, inWritingOrder } from "../../src/policy/import-plan.ts";
import { readPolicyText } from "../../src/policy/policy-text.ts";
import { policyTextOf } from "../../src/policy/policy-text-edit.ts";
import { parseRule } from "../../src/policy/rule.ts";
import { RuleSet } from "../../src/policy/rule-set.ts";
import { type Stamp, stamped } from "../../src/policy/stamp.ts";
import type { StoredRule } from "../../src/policy/store.ts";
import { facts, newProxy, userConn, view } from "./cases.ts";

type Rules = ReadonlyMap<string, string>;

const ops: Stamp = { by: "ops", replacesBy: false, note: null };

function storedOf(rules: Rules): StoredRule[] {
  return [...rules].map(([key, value]) => ({ key, value, leftMs: null }));
}

/** The rules after these changes. */
function changedBy(rules: Rules, differences: readonly Difference[]): Map<string, string> {
  const changed = new Map(rules);
  for (const { key, value } of inWritingOrder(differences)) {
    if (value === null) changed.delete(key);
    else changed.set(key, value);
  }
  return changed;
}

const value = fc.oneof(
  fc.constantFrom("allow", "deny", " allow ", "deny  moved away", "deny \u2028 x"),
  fc
    .record(
      {
        effect: fc.constantFrom("allow", "deny"),
        reason: fc.string(),
        by: fc.string(),
        note: fc.string(),
        enforce: fc.boolean(),
        ops: fc.constant(["Login"]),
      },
      { requiredKeys: ["effect"] },
    )
    .map((fields) => JSON.stringify(fields, null, fields.enforce ? 2 : 0)),
);
const key = fc.oneof(
  fc.constantFrom("default", "user:", "user:1", "user:__proto__", "ip:::1", "domain:*.x"),
  fc.string({ unit: "binary" }).map((id) => `user:${id}`),
);
const rules = fc
  .array(fc.tuple(key, value), { maxLength: 8 })
  .map((entries) => new Map(entries.filter(([key, value]) => parseRule(key, value).readable)));

describe("an import", () => {
  it("gives back the same file, to the byte, when it adds no stamp", () => {
    fc.assert(
      fc.property(rules, rules, (exported, kept) => {
        const file = policyTextOf(exported);
        const imported = changedBy(kept, differencesOf(readPolicyText(file).rules, storedOf(kept), null));
        expect(policyTextOf(imported)).toBe(file);
      }),
    );
  });

  it.each([
    ["without a stamp", null],
    ["with a default one", ops],
    ["with one that replaces", { by: "ops", replacesBy: true, note: "why" }],
  ] as const)("changes nothing the second time, %s", (_how, stamp) => {
    fc.assert(
      fc.property(rules, rules, (file, kept) => {
        const imported = changedBy(kept, differencesOf(file, storedOf(kept), stamp));
        expect(differencesOf(file, storedOf(imported), stamp)).toEqual([]);
      }),
    );
  });

  it("leaves bans, and rules with a TTL that the file does not have, alone", () => {
    const stored = [
      { key: "ban:203.0.113.9", value: "deny", leftMs: 5 },
      { key: "ban:203.0.113.8", value: "deny", leftMs: null },
      { key: "user:guest", value: "allow", leftMs: 5 },
      { key: "user:old", value: "allow", leftMs: null },
    ];
    expect(differencesOf(new Map(), stored, null).map(({ key }) => key)).toEqual(["user:old"]);
  });

  it("makes a rule last that has a TTL, since the file says so", () => {
    const stored = [{ key: "user:guest", value: "allow", leftMs: 5 }];
    expect(differencesOf(new Map([["user:guest", "allow"]]), stored, null)).toHaveLength(1);
  });
});

describe("a stamp", () => {
  it.each([
    ["allow", '{"effect":"allow","by":"ops"}'],
    ["deny moved  away", '{"effect":"deny","reason":"moved  away","by":"ops"}'],
    ['{"note":"x"}', '{"note":"x","by":"ops"}'],
    ['{ "by": "git" }', '{ "by": "git" }'],
    ["alow", "alow"],
  ])("of %s is %s", (given, wanted) => expect(stamped(given, ops)).toBe(wanted));

  it("takes the place of an older one where it is asked to", () => {
    expect(stamped('{"by":"git","note":"x"}', { by: "ops", replacesBy: true, note: "y" })).toBe(
      '{"by":"ops","note":"y"}',
    );
  });

  it("changes nothing of what a rule is read as but by and note", () => {
    fc.assert(
      fc.property(value, (given) => {
        const [before, then] = [parseRule("user:a", given), parseRule("user:a", stamped(given, ops))];
        if (!before.readable || !then.readable) return expect(then.readable).toBe(before.readable);
        expect({ ...then.terms, by: null }).toEqual({ ...before.terms, by: null });
        expect(then.terms.by).toBe(before.terms.by ?? "ops");
      }),
    );
  });
});

const keys = ["default", "user:alice", "proxy:alice.web", "node:edge-1", "op:NewUserConn", "op:NewProxy"];
const half = fc
  .array(fc.tuple(fc.constantFrom(...keys), fc.constantFrom("allow", "deny")))
  .map((entries): Rules => new Map(entries));

describe("half an import", () => {
  const asked = [userConn("alice", "alice.web", "203.0.113.9:1"), newProxy("alice", "alice.web")];
  const effectsIn = (rules: Rules): string[] =>
    asked.map((op) => decide(view(new RuleSet(rules)), op, facts).effect);

  it("of allows and denies decides as before where the whole does so, too", () => {
    fc.assert(
      fc.property(half, half, (before, wanted) => {
        const [first, last] = [effectsIn(before), effectsIn(wanted)];
        const now = new Map(before);
        for (const { key, value } of inWritingOrder(differencesOf(wanted, storedOf(before), null))) {
          if (value === null) now.delete(key);
          else now.set(key, value);
          const meanwhile = effectsIn(now);
          for (const [at, effect] of meanwhile.entries())
            if (first[at] === last[at]) expect(effect).toBe(first[at]);
        }
        expect(new Map([...now].sort())).toEqual(new Map([...wanted].sort()));
      }),
      { numRuns: 2000 },
    );
  });
});
