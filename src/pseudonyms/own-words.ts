/** Takes addresses, and users' names, out of texts that people wrote: reasons of rules, problems, values of rules. */
import { canonicalAddress, parseNetwork } from "../policy/addresses.ts";
import type { Names } from "./names.ts";

const dotted = String.raw`\d{1,3}(?:\.\d{1,3}){3}(?!\d)`;
const group = String.raw`[\da-f]{0,4}:`;
/** No more hex digits than a group has, so that a long run of them is looked at once. */
const hexed = String.raw`(?:(?<![\p{L}\p{N}_])[\da-f]{1,4})?:${group}`;
/** Whether it is one is seen when it is read. */
const likeAddress = new RegExp(
  String.raw`(?:(?<![\d.])${dotted}|${hexed}(?:${group})*${dotted}|${hexed}(?:${group})*[\da-f]{0,4})(?:%\w+)?(?:\/\d{1,3})?`,
  "giu",
);
/** A sentence may go on behind a colon, or have one before an address. */
const betweenColons = /^(?<before>:(?!:))?(?<bare>.*?)(?<behind>(?<!:):)?$/s;

/** Every address and CIDR in a text by its pseudonym, and whatever else must have been meant for one. */
export function withoutAddresses(text: string, names: Names): string {
  return text.replace(likeAddress, (found) => {
    const { before = "", bare = "", behind = "" } = betweenColons.exec(found)!.groups!;
    const network = bare.replace(/%\w+/, "");
    // What looked like a prefix may be the path of a URL.
    const [address = "", ...rest] = network.split(/(?=\/)/);
    if (parseNetwork(network) !== null) return before + names.network(network) + behind;
    const isMeant = parseNetwork(address) !== null || /^[\d.]+$/.test(address) || isLong(address);
    return isMeant ? before + names.address(address) + rest.join("") + behind : found;
  });
}

/** One address of IPv6 by its pseudonym, however it is written; others stay. @param ip canonical */
export function withoutAddress(text: string, ip: string, names: Names): string {
  return text.replace(likeAddress, (found) => {
    const { before = "", bare = "", behind = "" } = betweenColons.exec(found)!.groups!;
    const [address = "", ...rest] = bare.replace(/%\w+/, "").split(/(?=\/)/);
    return canonicalAddress(address) === ip ? before + names.address(ip) + rest.join("") + behind : found;
  });
}

/** As many groups as an IPv6 address has, or a port or a word too many; fewer may be a time, or a MAC address. */
function isLong(address: string): boolean {
  return address.split(":").length >= 8;
}

const partOfWord = /[\p{L}\p{N}_]/u;

/** Users' names where they stand as words of their own; of two that begin alike the longer one. */
export function withoutUsers(text: string, users: Iterable<string>, names: Names): string {
  const sought = [...new Set(users)]
    .filter((user) => user !== "" && text.includes(user))
    .sort((a, b) => b.length - a.length);
  if (sought.length === 0) return text;
  let [told, from] = ["", 0];
  for (let at = 0; at < text.length; at++) {
    const user = sought.find((one) => text.startsWith(one, at) && isWord(text, at, at + one.length));
    if (user === undefined) continue;
    const end = at + user.length;
    told += text.slice(from, at) + names.user(user);
    from = end;
    at = end - 1;
  }
  return told + text.slice(from);
}

function isWord(text: string, from: number, to: number): boolean {
  return !partOfWord.test(text.charAt(from - 1)) && !partOfWord.test(text.charAt(to));
}
