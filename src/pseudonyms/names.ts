/**
 * Keyed pseudonyms: the same name always has the same one, in every bridge with the same key, and without the key
 * nobody can tell whose it is.
 *
 *   user      u-0123456789abcdef
 *   address   fdxx:…, a unique local IPv6 address (RFC 4193), so that whatever wants an address takes it
 *   text      hmac:0123456789abcdef0123456789abcdef, as redaction by hmac writes it
 *
 * HMAC-SHA-256, with a key for each that is derived from the one in the settings: no two say the same of the same text.
 */
import { createHmac } from "node:crypto";
import { canonicalAddress, parseNetwork, parseRemote } from "../policy/addresses.ts";
import { subscriberOf } from "../policy/facts.ts";
import { Remembered } from "./remembered.ts";

/** Of each sort; an entry takes some 200 bytes. */
const mostRemembered = 20_000;
/** Longer ones come from somebody who wants the memory. */
const longestRemembered = 256;

/** What frp says where the ssh tunnel gateway stands in for a client: no address of anybody's. */
const noAddress = "pipe";

export class Names {
  /** Tells one key from another, and nothing else of it. */
  readonly keyId: string;
  readonly #users: Remembered;
  readonly #addresses: Remembered;
  readonly #networks: Remembered;
  readonly #texts: Remembered;

  constructor(key: string) {
    const keyed = (domain: string): ((text: string) => Buffer) => {
      const own = createHmac("sha256", key).update(`sluice pseudonyms: ${domain}`).digest();
      return (text) => createHmac("sha256", own).update(text).digest();
    };
    const [ofUser, ofAddress, ofNetwork, ofText] = ["user", "address", "network", "text"].map(keyed) as [
      (text: string) => Buffer,
      (text: string) => Buffer,
      (text: string) => Buffer,
      (text: string) => Buffer,
    ];
    this.keyId = keyed("key id")("").toString("hex", 0, 4);
    this.#users = new Remembered(mostRemembered, (user) => `u-${ofUser(user).toString("hex", 0, 8)}`);
    this.#texts = new Remembered(mostRemembered, (text) => `hmac:${ofText(text).toString("hex", 0, 16)}`);
    this.#networks = new Remembered(mostRemembered, (text) => `fd${ofNetwork(text).toString("hex", 0, 7)}`);
    this.#addresses = new Remembered(mostRemembered, (text) => {
      const address = canonicalAddress(text) ?? text;
      // What counts as one subscriber does so still: of IPv6 the /64.
      return addressOf(this.#networks.of(subscriberOf(address)), ofAddress(address).toString("hex", 0, 8));
    });
  }

  /** The anonymous user, "", stays so. */
  user(name: string): string {
    return name === "" ? "" : of(this.#users, name);
  }

  /** Of an address without a port, however it is written; of what is none, an address all the same. */
  address(text: string): string {
    return text === "" || text === noAddress ? text : of(this.#addresses, text);
  }

  /** As frp and prox write them: `203.0.113.9:4711`, `[::1]:80`, `pipe`. The port stays. */
  addressWithPort(text: string): string {
    const { ip, port } = parseRemote(text);
    if (ip === null) return this.address(text);
    return port === null ? this.address(ip) : `[${this.address(ip)}]:${port}`;
  }

  /**
   * Of an address or a CIDR. A /64 of IPv6 becomes the one that its addresses' pseudonyms lie in; of another network
   * only this is known, that it is the same one.
   */
  network(text: string): string {
    const network = parseNetwork(text);
    if (network === null || !network.text.includes("/")) return this.address(network?.text ?? text);
    const { text: written, length, address } = network;
    const isSubscriber = address.family === 6 && length === 64 && subscriberOf(baseOf(written)) === written;
    return isSubscriber ? addressOf(this.#networks.of(written), "", "/64") : this.address(written);
  }

  text(text: string): string {
    return text === "" ? "" : of(this.#texts, text);
  }
}

function of(remembered: Remembered, name: string): string {
  return name.length <= longestRemembered ? remembered.of(name) : remembered.make(name);
}

function baseOf(network: string): string {
  return network.slice(0, network.indexOf("/"));
}

/** In the form of RFC 5952. */
function addressOf(upper: string, lower: string, length = ""): string {
  const groups = (upper + lower.padEnd(16, "0")).match(/.{4}/g)!.join(":");
  return canonicalAddress(groups)! + length;
}
