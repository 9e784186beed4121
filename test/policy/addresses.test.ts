import { SocketAddress } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseNetwork, parseRemote } from "../../src/policy/addresses.ts";

describe("a remote address", () => {
  it.each([
    ["1.2.3.4:5", "1.2.3.4", 5],
    ["127.0.0.1:65535", "127.0.0.1", 65535],
    ["1.2.3.4", "1.2.3.4", null],
    ["[::1]:5", "::1", 5],
    ["[::1]", "::1", null],
    ["::1", "::1", null],
    ["[2001:DB8:0:0:0:0:0:1]:443", "2001:db8::1", 443],
    ["[::ffff:1.2.3.4]:5", "1.2.3.4", 5],
    ["[::ffff:102:304]:5", "1.2.3.4", 5],
    ["[::1.2.3.4]:5", "::102:304", 5],
    ["[64:ff9b::1.2.3.4]:5", "64:ff9b::102:304", 5],
    ["[fe80::1%eth0]:5", "fe80::1", 5],
    ["1.2.3.4:", "1.2.3.4", null],
    ["1.2.3.4:65536", "1.2.3.4", null],
  ])("%s is %s and port %s", (text, ip, port) => {
    expect(parseRemote(text)).toEqual({ ip, port });
  });

  it.each([
    "pipe",
    "",
    ":",
    ":5",
    "[]:5",
    "[:5",
    "1.2.3:4",
    "1.2.3.4.5:6",
    "1.2.3.256:5",
    "01.2.3.4:5",
    "1.2.3.04:5",
    "0x7f.1:5",
    "127.1:5",
    "1..2.3:5",
    "1.2.3.:5",
    " 1.2.3.4:5",
    "example.com:5",
    "[::1:5",
    "[1::2::3]:5",
    "[::12345]:5",
    "1.2.3.4:5:6",
    "@",
  ])("%j holds no address", (text) => {
    expect(parseRemote(text)).toEqual({ ip: null, port: null });
  });

  it("never throws", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => parseRemote(text) !== undefined));
  });

  it("has one text for all spellings of one IPv6 address", () => {
    fc.assert(
      fc.property(fc.ipV6(), fc.nat(65_535), (text, port) => {
        const { ip } = parseRemote(`[${text}]:${port}`);
        const canonical = canonicalByNode(text);
        expect(ip).toBe(canonical);
        expect(parseRemote(`[${text.toUpperCase()}]:${port}`)).toEqual({ ip, port });
        expect(parseRemote(text).ip).toBe(ip);
        expect(parseNetwork(text)?.text).toBe(ip);
      }),
    );
  });

  it("is told apart also where two of its groups look like a surrogate pair", () => {
    expect(parseRemote("[2001:db8:d800:dc00::1]:5")).toEqual({ ip: "2001:db8:d800:dc00::1", port: 5 });
    expect(parseRemote("[::216.0.220.0]:5")).toEqual({ ip: "::d800:dc00", port: 5 });
    expect(parseNetwork("2001:db8:d800:dc00::/64")?.text).toBe("2001:db8:d800:dc00::/64");
  });

  it("is the IPv4 address however that is wrapped", () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.nat(65_535), (ip, port) => {
        const [a, b, c, d] = ip.split(".").map(Number) as [number, number, number, number];
        const hex = `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
        expect(parseRemote(`${ip}:${port}`)).toEqual({ ip, port });
        expect(parseRemote(`[::ffff:${ip}]:${port}`)).toEqual({ ip, port });
        expect(parseRemote(`[0:0:0:0:0:FFFF:${hex}]:${port}`)).toEqual({ ip, port });
      }),
    );
  });
});

describe("a network", () => {
  it.each([
    ["10.1.2.3", "10.1.2.3"],
    ["10.1.2.3/32", "10.1.2.3"],
    ["10.1.2.3/31", "10.1.2.2/31"],
    ["10.1.2.3/8", "10.0.0.0/8"],
    ["200.1.2.3/1", "128.0.0.0/1"],
    ["10.1.2.3/0", "0.0.0.0/0"],
    ["::1/128", "::1"],
    ["2001:db8:ffff::1/32", "2001:db8::/32"],
    ["2001:db8:ffff::1/33", "2001:db8:8000::/33"],
    ["2001:db8::1/0", "::/0"],
    ["::ffff:10.1.2.3", "10.1.2.3"],
    ["::ffff:10.1.2.3/104", "10.0.0.0/8"],
    ["::ffff:0:0/96", "0.0.0.0/0"],
  ])("%s is %s", (text, canonical) => {
    expect(parseNetwork(text)?.text).toBe(canonical);
    expect(parseNetwork(canonical)?.text).toBe(canonical);
  });

  it.each([
    "",
    "/8",
    "10.0.0.0/",
    "10.0.0.0/33",
    "10.0.0.0/08",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
    "10.0.0.0/8 ",
    "10.0.0/8",
    "10.0.0.0/255.0.0.0",
    "::/129",
    "::ffff:10.0.0.0/95",
    "fe80::1%eth0",
    "fe80::%eth0/10",
    "localhost",
  ])("%j is none", (text) => {
    expect(parseNetwork(text)).toBeNull();
  });
});

/** Node's own reading; it writes mapped and compatible addresses with dots, which RFC 5952 leaves open. */
function canonicalByNode(text: string): string {
  const { address } = new SocketAddress({ family: "ipv6", address: text });
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address);
  if (mapped) return mapped[1]!;
  const compatible = /^::(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  if (!compatible) return address;
  const [a, b, c, d] = compatible.slice(1).map(Number) as [number, number, number, number];
  return `::${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}
