/** Everything about the moment that a decision may depend on. */
import { parseNetwork } from "./addresses.ts";

export interface Facts {
  /** Wall clock, milliseconds since 1970. */
  readonly nowMs: number;
  /** policy.tokenMeta: the name under which clients bring their token in their metas. */
  readonly tokenMeta: string;
  readonly connections: ConnectionCounts;
  readonly proxies: ProxyCounts;
}

export interface ProxyCounts {
  /** How many proxies of other names a user has open at a node. */
  others(node: string, user: string, name: string): number;
}

/** Whose connections are counted together. */
export type CountedBy = "user" | "proxy" | "ip";

/** How many user connections there are; asked only where a rule limits them. */
export interface ConnectionCounts {
  /** Open now, of those whose end will be told. */
  open(by: CountedBy, id: string): number;
  /** Begun within this minute. */
  begun(by: CountedBy, id: string): number;
  /** Logins let in within this minute. */
  logins(by: CountedBy, id: string): number;
  /** Whether this node is known to tell when connections of this proxy type end. */
  endsAnnounced(node: string, proxyType: string | null): boolean;
}

/** Addresses that count as one subscriber: of IPv6 anybody has at least a /64 to choose from. */
export function subscriberOf(ip: string): string {
  return ip.includes(":") ? (parseNetwork(`${ip}/64`)?.text ?? ip) : ip;
}
