import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalDomain, requestedDomains } from "../../src/policy/domains.ts";

describe("the canonical form of a domain", () => {
  it.each([
    ["example.com", "example.com"],
    ["Example.COM", "example.com"],
    ["example.com.", "example.com"],
    ["localhost", "localhost"],
    ["_dmarc.example.com", "_dmarc.example.com"],
    ["bücher.example", "xn--bcher-kva.example"],
    ["XN--BCHER-KVA.example", "xn--bcher-kva.example"],
    ["a。example.com", "a.example.com"],
    ["*.example.com", "*.example.com"],
    ["*.Bücher.example.", "*.xn--bcher-kva.example"],
    ["*.com", "*.com"],
    ["*", "*"],
    ["*.", "*"],
    ["1.2.3.4", "1.2.3.4"],
  ])("of %s is %s", (text, canonical) => {
    expect(canonicalDomain(text)).toBe(canonical);
  });

  it.each([
    "",
    ".",
    "..",
    ".example.com",
    "a..example.com",
    "example.com..",
    "a.*.com",
    "*a.example.com",
    "**.example.com",
    "*.*.example.com",
    "a b.example.com",
    "example.com/path",
    "example.com:80",
    "user@example.com",
    "a%2eexample.com",
    "ü.example.com/path",
    "ü%2eexample.com",
    "ü#.example.com",
    "[::1]",
    `${"a".repeat(64)}.com`,
    `${"a.".repeat(127)}com`,
    "ü".repeat(100_000),
  ])("is missing for %j", (text) => {
    expect(canonicalDomain(text)).toBeNull();
  });

  it("stays what it is when it is made again", () => {
    fc.assert(
      fc.property(fc.oneof(fc.domain(), fc.string({ unit: "grapheme" })), (text) => {
        const canonical = canonicalDomain(text);
        if (canonical !== null) expect(canonicalDomain(canonical)).toBe(canonical);
      }),
    );
  });
});

describe("the domains that a proxy asks for", () => {
  it("are its custom domains and its subdomain under the host of that frps", () => {
    expect(requestedDomains(["A.example.com."], "Web", "Tunnel.example.com")).toEqual([
      "a.example.com",
      "web.tunnel.example.com",
    ]);
  });

  it("hold the bare subdomain where the host is not known", () => {
    expect(requestedDomains([], "web", null)).toEqual(["web"]);
  });

  it("leave out what frps skips, and what is asked for twice", () => {
    expect(requestedDomains(["", "a.example.com", "A.EXAMPLE.COM"], "", "example.com")).toEqual([
      "a.example.com",
    ]);
    expect(requestedDomains([], "", "example.com")).toEqual([]);
  });

  it("keep what is no domain as it came", () => {
    expect(requestedDomains(["A b.Example.com", "x*.example.com"], "", null)).toEqual([
      "a b.example.com",
      "x*.example.com",
    ]);
  });
});
