import { BlockList } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseNetwork } from "../../src/policy/addresses.ts";
import { RuleSet } from "../../src/policy/rule-set.ts";

const none = "0".repeat(16);

describe("the revision", () => {
  const entries = fc.uniqueArray(fc.tuple(fc.string(), fc.string()), { selector: ([key]) => key });

  it("is all zeros without rules, and again when the last is gone", () => {
    const rules = new RuleSet();
    expect(rules.revision).toBe(none);
    rules.set("user:alice", "allow");
    expect(rules.revision).toMatch(/^[0-9a-f]{16}$/);
    expect(rules.revision).not.toBe(none);
    rules.delete("user:alice");
    expect(rules.revision).toBe(none);
  });

  it("is the same for the same keys and values, whatever happened before", () => {
    fc.assert(
      fc.property(entries, entries, (kept, passing) => {
        const rules = new RuleSet(passing);
        for (const [key] of passing) rules.delete(key);
        for (const [key, value] of kept.toReversed()) {
          rules.set(key, "allow");
          rules.set(key, value);
        }
        expect(rules.revision).toBe(new RuleSet(kept).revision);
        expect(new Map(rules.entries())).toEqual(new Map(kept));
      }),
    );
  });

  it("differs for every change of a key or a value", () => {
    const revisions = [
      [["user:alice", "allow"]],
      [["user:alice", "deny"]],
      [["user:alic", "eallow"]],
      [["user:alice", "allow "]],
      [["user:bob", "allow"]],
      [
        ["user:alice", "allow"],
        ["user:bob", "allow"],
      ],
      [["usr:alice", "allow"]],
    ].map((entries) => new RuleSet(entries as [string, string][]).revision);
    expect(new Set(revisions).size).toBe(revisions.length);
  });
});

describe("a marked revision", () => {
  it("is named as it was when others have followed", () => {
    const rules = new RuleSet([["user:a", "deny"]]);
    const [before, mark] = [rules.revision, rules.markRevision()];
    rules.set("user:b", "deny");
    expect(mark()).toBe(before);
    expect(mark()).not.toBe(rules.revision);
  });
});

describe("a rule set", () => {
  it("finds every rule by its key as written", () => {
    const written = [
      ["default", "deny"],
      ["user:", "allow"],
      ["user:a:b", "allow"],
      ["op:Login", "deny"],
      ["ip:10.0.0.1", "deny"],
      ["ip:::ffff:10.0.0.1", "allow"],
      ["ip:10.0.0.1/32", "nonsense"],
      ["ip:10.0.0.9/24", "deny"],
      ["ip:2001:DB8::/32", "deny"],
      ["domain:A.example.com", "deny"],
      ["domain:a.example.com", "allow"],
      ["domain:*.example.com", "deny"],
      ["usr:alice", "deny"],
      ["ip:nowhere", "deny"],
    ] as const;
    const rules = new RuleSet(written);
    expect(rules.size).toBe(written.length);
    for (const [key, value] of written) expect(rules.get(key)).toMatchObject({ key: { text: key }, value });
    for (const [key] of written) {
      expect(rules.has(key)).toBe(true);
      expect(rules.delete(key)).toBe(true);
      expect(rules.has(key)).toBe(false);
      expect(rules.delete(key)).toBe(false);
    }
    expect(rules.size).toBe(0);
    expect([...rules.entries()]).toEqual([]);
  });

  it("lists what cannot be read, keys that cover nothing included, and forgets it when it is mended", () => {
    const rules = new RuleSet([
      ["user:alice", "alow"],
      ["usr:bob", "deny"],
      ["user:carol", "allow"],
    ]);
    expect([...rules.unreadable].map((rule) => rule.key.text)).toEqual(["user:alice", "usr:bob"]);
    rules.set("user:alice", "allow");
    rules.delete("usr:bob");
    expect(rules.unreadable.size).toBe(0);
  });

  it("takes over another as a whole, which is empty from then on", () => {
    const rules = new RuleSet([["user:old", "allow"]]);
    const other = new RuleSet([["user:new", "deny"]]);
    const { revision } = other;
    rules.replace(other);
    expect([...rules.entries()]).toEqual([["user:new", "deny"]]);
    expect(rules.revision).toBe(revision);
    expect(other.size).toBe(0);
    other.set("user:later", "allow");
    expect(rules.has("user:later")).toBe(false);
  });

  it("is empty after clear", () => {
    const rules = new RuleSet([
      ["user:alice", "alow"],
      ["ip:::/0", "deny"],
    ]);
    rules.clear();
    expect([rules.size, rules.unreadable.size, rules.revision]).toEqual([0, 0, none]);
    expect(rules.forAddress("::1")).toEqual([]);
  });
});

describe("the rules for an address", () => {
  const octet = fc.constantFrom(0, 1, 127, 128, 255);
  const v4 = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join("."));
  const group = fc.constantFrom("0", "1", "7fff", "8000", "ffff");
  // Never an IPv4-mapped address: its networks are IPv4 here and IPv6 to the scan.
  const v6 = fc.array(group, { minLength: 7, maxLength: 7 }).map((groups) => `2001:${groups.join(":")}`);
  const v4Network = fc.tuple(v4, fc.nat(32)).map(([ip, length]) => `${ip}/${length}`);
  const v6Network = fc.tuple(v6, fc.nat(128)).map(([ip, length]) => `${ip}/${length}`);

  it.each([
    ["IPv4", v4Network, v4, "ipv4"],
    ["IPv6", v6Network, v6, "ipv6"],
  ] as const)("are those that a scan finds, longest prefix first: %s", (_, network, address, family) => {
    fc.assert(
      fc.property(fc.uniqueArray(network, { maxLength: 20 }), address, fc.nat(), (networks, ip, pick) => {
        const rules = new RuleSet(networks.map((text) => [`ip:${text}`, "deny"]));
        const gone = networks[pick % (networks.length + 1)];
        if (gone) rules.delete(`ip:${gone}`);
        const scanned = networks.filter((text) => text !== gone && holds(text, ip, family));
        const found = rules.forAddress(ip);
        expect(found.map((rule) => rule.key.text).sort()).toEqual(scanned.map((text) => `ip:${text}`).sort());
        const lengths = found.map((rule) => parseNetwork(rule.key.id)!.length);
        expect(lengths).toEqual(lengths.toSorted((a, b) => b - a));
      }),
      { numRuns: 300 },
    );
  });

  it("are none for a text that is no address", () => {
    const rules = new RuleSet([["ip:0.0.0.0/0", "deny"]]);
    expect(rules.forAddress("pipe")).toEqual([]);
  });
});

describe("the rules for a domain", () => {
  it("stand in order of exactness", () => {
    const ids = ["*", "*.com", "*.example.com", "*.a.example.com", "b.a.example.com", "a.example.com"];
    const rules = new RuleSet(ids.map((id) => [`domain:${id}`, "deny"]));
    const found = (domain: string) => rules.forDomain(domain).map((rule) => rule.key.id);
    expect(found("b.a.example.com")).toEqual([
      "b.a.example.com",
      "*.a.example.com",
      "*.example.com",
      "*.com",
      "*",
    ]);
    expect(found("*.a.example.com")).toEqual(["*.a.example.com", "*.example.com", "*.com", "*"]);
    expect(found("*")).toEqual(["*"]);
    expect(found("org")).toEqual(["*"]);
  });

  it("below a wildcard hold the first of many denies, also when the first is gone", () => {
    const rules = new RuleSet();
    for (let n = 99; n >= 10; n--) rules.set(`domain:d${n}.example.com`, "deny");
    rules.set("domain:allowed.example.com", "allow");
    const below = () => rules.refusingBelow("*.example.com").map((rule) => rule.key.id);
    expect(below()).toEqual(["d10.example.com"]);
    rules.delete("domain:d10.example.com");
    expect(below()).toEqual(["d11.example.com"]);
    rules.set("domain:c.example.com", "deny");
    rules.set("domain:b.example.com", '{"effect":"deny","ops":["NewProxy"]}');
    expect(below()).toEqual(["b.example.com", "c.example.com"]);
  });
});

/** By Node's own BlockList. */
function holds(network: string, ip: string, family: "ipv4" | "ipv6"): boolean {
  const [base, length] = network.split("/") as [string, string];
  const list = new BlockList();
  list.addSubnet(base, Number(length), family);
  return list.check(ip, family);
}
