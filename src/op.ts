/**
 * The operation: what a reverse proxy asked, in one shape for both protocols.
 *
 * Glossary
 *   op        one call of frps or prox, named as on the wire (`NewProxy`, `on_connect`)
 *   decision  what the policy said about an op (decision.ts)
 *   rule      one policy key with its value (policy/rule.ts)
 *   revision  a hash that names one state of the whole rule set
 *   event     what is published about an op (events/schema.ts)
 *   stream    a family of events that share a topic (events/streams.ts)
 *   sequence  the gapless number of an event within instance, epoch and topic
 *   session   one user's connection through a proxy, from its start to its end (sessions/session.ts)
 *   segment   one file of the journal
 *   cursor    up to where the forwarder has every record confirmed by Kafka
 */

export type Protocol = "frp" | "prox";

/** Where a connection came from. `ip` is canonical text: an IPv4-mapped IPv6 address is its IPv4 address. */
export interface Remote {
  readonly ip: string | null;
  readonly port: number | null;
}

/** Of proxies that frp has (frp v0.70 pkg/config/v1/proxy.go). */
export const frpProxyTypes = ["tcp", "udp", "http", "https", "tcpmux", "stcp", "xtcp", "sudp"] as const;
/** The types that frps finds by domain. */
export const routedByDomain: ReadonlySet<string | null> = new Set(["http", "https", "tcpmux"]);

export interface ProxyFacts {
  /** The full name, `alice.ssh`. */
  readonly name: string;
  /** `tcp`, `http`, …; null where the wire does not say (CloseProxy). */
  readonly type: string | null;
  /** Domains asked for, in the form that policy/domains.ts makes; the subdomain is joined to its host. */
  readonly domains: readonly string[];
  /** The port asked for at NewProxy; null where there is none, or where frps chooses one and never says which. */
  readonly remotePort: number | null;
}

/** What only a NewProxy says of its proxy. */
export interface ProxyOptions {
  readonly encrypted: boolean;
  /** What was asked for as subdomain, and which of the proxy's domains it stands for. */
  readonly subdomain: { readonly label: string; readonly domain: string } | null;
}

/** What a client says of itself at its Login, and where it came from. */
export interface ClientInfo {
  readonly address: string | null;
  readonly port: number | null;
  readonly hostname: string | null;
  /** Of frpc. */
  readonly version: string | null;
}

/** What prox says of a connection or a request; what it left out, or its hook does not know, is null. */
export interface ProxFacts {
  /** `web:0` */
  readonly route: string | null;
  /** The domain asked for, in the form that policy/domains.ts makes. */
  readonly domain: string | null;
  readonly method: string | null;
  readonly path: string | null;
  /** Without its question mark, as it came: it may hold secrets. */
  readonly query: string | null;
  /** The HTTP version, `HTTP/1.1`. */
  readonly version: string | null;
  readonly target: string | null;
  /** Of the upstream's response. */
  readonly status: number | null;
  readonly durationMs: number | null;
}

/** Traffic of one connection, or of one request. */
export interface Traffic {
  /** Bytes from the user; null where the wire does not say. */
  readonly in: number | null;
  /** Bytes to the user. */
  readonly out: number | null;
}

export interface Op {
  readonly protocol: Protocol;
  /** The name of the frps or prox that asked. */
  readonly node: string;
  /** Native name; for an op nobody knows whatever the wire said. */
  readonly name: string;
  /** Whether this is an op of the protocol that we know. */
  readonly known: boolean;
  /** Whether a refusal has any effect. CloseProxy, CloseUserConn, on_response and on_disconnect only tell. */
  readonly refusable: boolean;
  /** `X-Frp-Reqid`; null where the wire gives none. */
  readonly reqid: string | null;
  /** The frp user; "" is the anonymous one; null where the op names no user at all. */
  readonly user: string | null;
  /** Public client id, `c_` and 16 hex digits; null before frps has given a run id. */
  readonly client: string | null;
  readonly proxy: ProxyFacts | null;
  /** At NewProxy only. */
  readonly proxyOptions: ProxyOptions | null;
  /** Client address at Login, visitor address at NewUserConn, CloseUserConn and every hook of prox. */
  readonly remote: Remote | null;
  /** What the owner gave its client to bring along, at every op; it may hold secrets. Null where there is none. */
  readonly metas: Readonly<Record<string, unknown>> | null;
  /** At Login only. */
  readonly clientInfo: ClientInfo | null;
  /** At CloseUserConn of a frps that counts, and at on_disconnect; null elsewhere. */
  readonly traffic: Traffic | null;
  /** Null where frps asks. */
  readonly prox: ProxFacts | null;
  /**
   * The op's content as it came, parsed. Numbers that JavaScript cannot hold are JSON.rawJSON objects; of what prox
   * brings as bytes there are only length and SHA-256.
   */
  readonly content: Readonly<Record<string, unknown>>;
  /** Wall clock when the op reached us, milliseconds since 1970. */
  readonly atMs: number;
}

/** What an answer changes at prox, in the words of rules (policy/prox-terms.ts). */
export interface ProxChanges {
  /** Of what the user gets: of a refusal, or in place of the upstream's. */
  readonly status?: number | undefined;
  /** Of a refusal; without it the reason is sent. */
  readonly body?: string | undefined;
  /** Of what the user gets. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Names of headers that the user does not get. */
  readonly remove?: readonly string[] | undefined;
  /** The refused connection ends without a word. */
  readonly drop?: true | undefined;
  /** The refused request goes to the route's fallback, with the changes below. */
  readonly fallback?: true | undefined;
  /** Of what the upstream gets, as is all that follows. */
  readonly requestHeaders?: Readonly<Record<string, string>> | undefined;
  /** Takes the query away. */
  readonly cleanQuery?: boolean | undefined;
  /** False: what asks for a web socket is asked for as a page, since prox tells of no answer to the other. */
  readonly webSocket?: boolean | undefined;
  /** Unescaped, and without a query. */
  readonly rewritePath?: string | undefined;
  /** Megabits per second; requests of the same group share them. */
  readonly speed?:
    | {
        readonly download?: number | undefined;
        readonly upload?: number | undefined;
        readonly group?: string | undefined;
      }
    | undefined;
}

/** What goes back to the wire; each edge writes it in its own words. `prox` is for prox alone. */
export type Answer =
  | { readonly kind: "allow"; readonly prox?: ProxChanges }
  | { readonly kind: "refuse"; readonly reason: string; readonly prox?: ProxChanges }
  /** Changed fields by native name; the edge puts them into the whole content. */
  | { readonly kind: "rewrite"; readonly set: Readonly<Record<string, unknown>> };
