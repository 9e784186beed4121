import { type Address, parseAddress, parseNetwork, prefixOfV4, prefixOfV6 } from "./addresses.ts";
import type { Rule } from "./rule.ts";
import { Shelf } from "./shelf.ts";

/**
 * The ip rules, found by longest prefix: one shelf for each prefix length that some rule has, asked from the
 * longest down, so that a look-up costs as much with a million rules as with one of each length.
 */
export class AddressRules {
  readonly #v4 = new Prefixes<number>();
  readonly #v6 = new Prefixes<string>();
  /** How many there are. */
  size = 0;

  add(rule: Rule): void {
    this.size += 1;
    const { address, length } = parseNetwork(rule.key.id)!;
    if (address.family === 4) this.#v4.shelf(length).put(address.bits, rule);
    else this.#v6.shelf(length).put(prefixOfV6(address.groups, length), rule);
  }

  remove(rule: Rule): void {
    this.size -= 1;
    const { address, length } = parseNetwork(rule.key.id)!;
    if (address.family === 4) this.#v4.shelf(length).take(address.bits, rule);
    else this.#v6.shelf(length).take(prefixOfV6(address.groups, length), rule);
    this.#v4.prune(length);
    this.#v6.prune(length);
  }

  /** The rules for exactly this network, in its canonical form. */
  at(id: string): readonly Rule[] {
    const { address, length } = parseNetwork(id)!;
    if (address.family === 4) return this.#v4.at(length, address.bits);
    return this.#v6.at(length, prefixOfV6(address.groups, length));
  }

  /** The rules that hold this address, longest prefix first. */
  covering(ip: string): readonly Rule[] {
    if (this.#v4.isEmpty && this.#v6.isEmpty) return none;
    const address = addressOf(ip);
    if (address === null) return none;
    const found: Rule[] = [];
    if (address.family === 4) {
      for (const { length, shelf } of this.#v4.longestFirst) {
        shelf.gather(prefixOfV4(address.bits, length), found);
      }
    } else {
      for (const { length, shelf } of this.#v6.longestFirst) {
        shelf.gather(prefixOfV6(address.groups, length), found);
      }
    }
    return found;
  }

  *rules(): Generator<Rule> {
    for (const { shelf } of this.#v4.longestFirst) yield* shelf.rules();
    for (const { shelf } of this.#v6.longestFirst) yield* shelf.rules();
  }
}

let lastIp = "";
let lastAddress: Address | null = null;

/** Bans and ip rules are asked about the same address in turn. */
function addressOf(ip: string): Address | null {
  if (ip !== lastIp) {
    lastAddress = parseAddress(ip);
    lastIp = ip;
  }
  return lastAddress;
}

const none: readonly Rule[] = Object.freeze([]);

/** The shelves of one address family. */
class Prefixes<Prefix> {
  longestFirst: readonly { readonly length: number; readonly shelf: Shelf<Prefix> }[] = [];

  get isEmpty(): boolean {
    return this.longestFirst.length === 0;
  }

  shelf(length: number): Shelf<Prefix> {
    const known = this.longestFirst.find((entry) => entry.length === length);
    if (known) return known.shelf;
    const shelf = new Shelf<Prefix>();
    this.longestFirst = [...this.longestFirst, { length, shelf }].sort((a, b) => b.length - a.length);
    return shelf;
  }

  at(length: number, prefix: Prefix): readonly Rule[] {
    return this.longestFirst.find((entry) => entry.length === length)?.shelf.at(prefix) ?? none;
  }

  /** Forgets an emptied shelf, so that look-ups no longer ask it. */
  prune(length: number): void {
    const emptied = this.longestFirst.find((entry) => entry.length === length && entry.shelf.size === 0);
    if (emptied) this.longestFirst = this.longestFirst.filter((entry) => entry !== emptied);
  }
}
