/**
 * Addresses as frps writes them, and networks as rules write them.
 *
 * One address has one text: IPv4 in dotted decimals, IPv6 as RFC 5952 wants it, and an IPv4-mapped IPv6
 * address is the IPv4 address. An IPv6 network therefore never holds an IPv4 address, `::/0` included.
 */
import { isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";
import type { Remote } from "../op.ts";

/** Bits in a form that is cheap to cut to a prefix and to use as a Map's key. */
export type Address =
  | { readonly family: 4; readonly bits: number }
  /** Eight 16-bit groups as a string of eight UTF-16 units. */
  | { readonly family: 6; readonly groups: string };

/** Of `address` only the first `length` bits are set. */
export interface Network {
  readonly address: Address;
  readonly length: number;
  /** Canonical: `10.0.0.0/8`, `2001:db8::/32`; a single address has no `/length`. */
  readonly text: string;
}

const nowhere: Remote = Object.freeze({ ip: null, port: null });
const portForm = /^\d{1,5}$/;

/**
 * Reads `1.2.3.4:5`, `[::1]:5`, `[::ffff:1.2.3.4]:5`, and addresses without a port. A zone (`fe80::1%eth0`)
 * is left off. What holds no address, like the `pipe` of the ssh tunnel gateway, is { ip: null, port: null }.
 */
export function parseRemote(text: string): Remote {
  const colon = text.lastIndexOf(":");
  // Host and port first: that is what nearly every call brings.
  if (colon > 0) {
    const bracketed = text.charCodeAt(0) === 0x5b && text.charCodeAt(colon - 1) === 0x5d;
    const ip = bracketed ? canonicalAddress(text.slice(1, colon - 1)) : canonicalV4(text.slice(0, colon));
    if (ip !== null) return { ip, port: parsePort(text.slice(colon + 1)) };
  }
  const bare = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
  const ip = canonicalAddress(bare);
  return ip === null ? nowhere : { ip, port: null };
}

/** An address in any of its spellings; null for what is none. Only four decimals without leading zeros are IPv4. */
export function parseAddress(text: string): Address | null {
  const bits = v4Bits(text);
  if (bits !== null) return { family: 4, bits };
  const groups = v6Groups(text);
  if (groups === null) return null;
  if (isMappedV4(groups)) return { family: 4, bits: (groups[6]! << 16) | groups[7]! };
  return { family: 6, groups: String.fromCharCode(...groups) };
}

/**
 * An address or CIDR. Host bits below the prefix are cleared, as iptables and nginx do: the length that was
 * written says which bits count. `::ffff:10.0.0.0/104` is `10.0.0.0/8`.
 */
export function parseNetwork(text: string): Network | null {
  const slash = text.indexOf("/");
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === null || text.includes("%")) return null;
  const longest = address.family === 4 ? 32 : 128;
  const length = slash < 0 ? longest : prefixLength(text.slice(slash + 1), address, text);
  if (length === null || length < 0 || length > longest) return null;
  const cut: Address =
    address.family === 4
      ? { family: 4, bits: prefixOfV4(address.bits, length) }
      : { family: 6, groups: prefixOfV6(address.groups, length).padEnd(8, "\0") };
  const base = addressText(cut);
  return { address: cut, length, text: length === longest ? base : `${base}/${length}` };
}

/** Whether an address, as canonical text, lies in a network. */
export function contains({ address, length }: Network, ip: string): boolean {
  const asked = parseAddress(ip);
  if (asked?.family === 4 && address.family === 4) return prefixOfV4(asked.bits, length) === address.bits;
  if (asked?.family !== 6 || address.family !== 6) return false;
  return prefixOfV6(asked.groups, length).padEnd(8, "\0") === address.groups;
}

/** The first `length` bits as a signed 32-bit integer, which V8 keeps without allocating. */
export function prefixOfV4(bits: number, length: number): number {
  // A shift by 32 is a shift by 0 in JavaScript.
  return length === 0 ? 0 : bits & (-1 << (32 - length));
}

/** The groups that hold the first `length` bits, the last of them cut; shorter than eight where they can be. */
export function prefixOfV6(groups: string, length: number): string {
  const whole = length >> 4;
  const rest = length & 15;
  if (rest === 0) return groups.slice(0, whole);
  return groups.slice(0, whole) + String.fromCharCode(groups.charCodeAt(whole) & (0xffff << (16 - rest)));
}

/** The one text of an address, a zone left off; null for what is none. */
export function canonicalAddress(text: string): string | null {
  if (v4Bits(text) !== null) return text;
  const address = parseAddress(text);
  return address === null ? null : addressText(address);
}

function canonicalV4(text: string): string | null {
  return v4Bits(text) === null ? null : text;
}

function addressText(address: Address): string {
  if (address.family === 4) {
    const { bits } = address;
    return `${bits >>> 24}.${(bits >>> 16) & 255}.${(bits >>> 8) & 255}.${bits & 255}`;
  }
  const { groups } = address;
  // By units: two groups may look like a surrogate pair, which an iterator takes for one character.
  return new ipaddr.IPv6(
    Array.from({ length: groups.length }, (_, at) => groups.charCodeAt(at)),
  ).toRFC5952String();
}

/** Four decimals, nothing else; by hand because every op with an address comes through here. */
function v4Bits(text: string): number | null {
  if (text.length < 7 || text.length > 15) return null;
  let bits = 0;
  let part = 0;
  let digits = 0;
  let parts = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x2e) {
      if (digits === 0) return null;
      bits = (bits << 8) | part;
      parts++;
      part = 0;
      digits = 0;
    } else if (code >= 0x30 && code <= 0x39) {
      // `010` is 8 to some readers and 10 to others.
      if (digits > 0 && part === 0) return null;
      part = part * 10 + (code - 0x30);
      digits++;
      if (part > 255) return null;
    } else {
      return null;
    }
  }
  return parts === 3 && digits > 0 ? (bits << 8) | part : null;
}

const dottedTail = /:(\d{1,3}(?:\.\d{1,3}){3})$/;

function v6Groups(text: string): readonly number[] | null {
  const zone = text.indexOf("%");
  const bare = zone < 0 ? text : text.slice(0, zone);
  if (!isIPv6(bare)) return null;
  // ipaddr.js takes every dotted tail for a mapped address, `::1.2.3.4` too, so it never sees one.
  const hexed = bare.replace(dottedTail, (_, dotted: string) => {
    const bits = v4Bits(dotted) ?? 0;
    return `:${(bits >>> 16).toString(16)}:${(bits & 0xffff).toString(16)}`;
  });
  return ipaddr.IPv6.parse(hexed).parts;
}

function isMappedV4(groups: readonly number[]): boolean {
  return groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
}

/** The bits that count; for a mapped address those of the IPv4 address in it. */
function prefixLength(digits: string, address: Address, text: string): number | null {
  if (!/^(?:0|[1-9]\d{0,2})$/.test(digits)) return null;
  const written = Number(digits);
  return address.family === 4 && text.includes(":") ? written - 96 : written;
}

function parsePort(digits: string): number | null {
  if (!portForm.test(digits)) return null;
  const port = Number(digits);
  return port <= 65_535 ? port : null;
}
