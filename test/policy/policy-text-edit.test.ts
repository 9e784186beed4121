import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readPolicyText } from "../../src/policy/policy-text.ts";
import { objectIn, policyTextOf, policyTextWith } from "../../src/policy/policy-text-edit.ts";

const file = `{
    "user:alice": "allow", "user:bob":   {"effect":"allow",
      "note": "}, {"},
    "group:x": { "effect": "require" }
}
`;

describe("an edit of a policy file", () => {
  it("replaces one value and leaves every other character as it was", () => {
    expect(policyTextWith(file, [{ key: "user:alice", value: "deny moved" }])).toBe(
      file.replace('"allow", "user:bob"', '"deny moved", "user:bob"'),
    );
  });

  it("puts new keys behind the others, indented like them, objects as objects", () => {
    expect(policyTextWith(file, [{ key: "ip:::1", value: '{"effect":"deny"}' }])).toBe(
      file.replace(
        '{ "effect": "require" }\n',
        '{ "effect": "require" },\n    "ip:::1": {\n      "effect": "deny"\n    }\n',
      ),
    );
  });

  it.each([
    [
      "user:alice",
      '{\n    "user:bob":   {"effect":"allow",\n      "note": "}, {"},\n    "group:x": { "effect": "require" }\n}\n',
    ],
    ["group:x", '{\n    "user:alice": "allow", "user:bob":   {"effect":"allow",\n      "note": "}, {"}\n}\n'],
    ["user:bob", '{\n    "user:alice": "allow",\n    "group:x": { "effect": "require" }\n}\n'],
  ])("takes %s out with one comma", (key, left) => {
    expect(policyTextWith(file, [{ key, value: null }])).toBe(left);
  });

  it("changes the value that counts of a key that stands twice, and removes both", () => {
    const twice = '{"default":"deny","default":"allow"}';
    expect(policyTextWith(twice, [{ key: "default", value: "deny" }])).toBe(
      '{"default":"deny","default":"deny"}',
    );
    expect(readPolicyText(policyTextWith(twice, [{ key: "default", value: null }])).rules.size).toBe(0);
  });

  it("holds what was asked for, whatever stood there, over a byte order mark too", () => {
    const key = fc.oneof(fc.string(), fc.constantFrom("__proto__", "1", "default", "user:", "ü"));
    const value = fc.oneof(
      fc.string(),
      fc.constantFrom("allow", "deny", "{", '{"__proto__":1}'),
      fc.json().filter((json) => json.startsWith("{")),
    );
    const rules = fc.array(fc.tuple(key, value), { maxLength: 6 });
    const changes = fc.array(fc.record({ key, value: fc.option(value) }), { maxLength: 4 });
    fc.assert(
      fc.property(rules, changes, fc.constantFrom("", "\uFEFF"), (before, changed, mark) => {
        const expected = new Map(before);
        for (const { key, value } of changed) {
          if (value === null) expected.delete(key);
          else expected.set(key, value);
        }
        const last = new Map(changed.map((change) => [change.key, change]));
        const text = policyTextWith(mark + policyTextOf(new Map(before)), [...last.values()]);
        expect(plain(readPolicyText(text).rules)).toEqual(plain(expected));
        expect(readPolicyText(text).repeated).toEqual([]);
      }),
    );
  });
});

/** An object has many texts. */
function plain(rules: ReadonlyMap<string, string>): Map<string, unknown> {
  return new Map(
    [...rules].map(([key, value]) => [
      key,
      objectIn(value) === null ? value : JSON.stringify(objectIn(value)),
    ]),
  );
}
