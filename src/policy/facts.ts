/** Everything about the moment that a decision may depend on. */
import { contains, parseNetwork } from "./addresses.ts";

export interface Facts {
  /** Wall clock, milliseconds since 1970. */
  readonly nowMs: number;
  /** policy.tokenMeta: the name under which clients bring their token in their metas. */
  readonly tokenMeta: string;
  readonly connections: ConnectionCounts;
  readonly proxies: ProxyCounts;
  /** Only where an op is judged from its record, never live. */
  readonly recorded?: Recorded;
}

/** What the record of an op tells beside its content, where it is judged anew. */
export interface Recorded {
  /** How a condition counts that the record leaves open. */
  readonly unknownAs: "pass" | "fail";
  /**
   * Of a token that the record hides: what its decision's check showed of it, null where none did. Undefined where
   * nothing is hidden: what was brought stands in the op's metas.
   */
  readonly hiddenToken: string | null | undefined;
}

/**
 * @param limit that the count is asked for. A record tells it for the same limit only: under another one others would
 * have been let in before
 * @returns null where a record does not tell, never live
 */
export interface ProxyCounts {
  /** How many proxies of other names a user has open at a node. */
  others(node: string, user: string, name: string, limit?: number): number | null;
}

/** Whose connections are counted together. */
export type CountedBy = "user" | "proxy" | "ip";

/** How many user connections there are; asked only where a rule limits them. `limit` and null as in ProxyCounts. */
export interface ConnectionCounts {
  /** Open now, of those whose end will be told. */
  open(by: CountedBy, id: string, limit?: number): number | null;
  /** Begun within this minute. */
  begun(by: CountedBy, id: string, limit?: number): number | null;
  /** Logins let in within this minute. */
  logins(by: CountedBy, id: string, limit?: number): number | null;
  /** Whether this node is known to tell when connections of this proxy type end. */
  endsAnnounced(node: string, proxyType: string | null): boolean | null;
}

/**
 * Networks of IPv6 in which a /64 is not one subscriber's: link-local (RFC 4291), where all neighbours share one; NAT64
 * (RFC 6052), where all of IPv4 does; and the first /64, with loopback.
 */
const sharedByMany = ["fe80::/10", "64:ff9b::/96", "::/64"].map((text) => parseNetwork(text)!);

/** Addresses that count as one subscriber: of IPv6 anybody has at least a /64 to choose from. */
export function subscriberOf(ip: string): string {
  if (!ip.includes(":") || sharedByMany.some((network) => contains(network, ip))) return ip;
  return parseNetwork(`${ip}/64`)?.text ?? ip;
}
