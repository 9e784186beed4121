/** `proxies`: what a NewProxy may ask for. Ops come from the wire, where what is zero is absent. */
import type { Op } from "../../src/op.ts";
import type { Facts } from "../../src/policy/facts.ts";
import { allowed, allowedByDefault, type Case, json, observe, observed, ping, refused } from "./cases.ts";
import { type Content, userOf, wireLogin, wireOp, wireProxy, wireUserConn } from "./wire-op.ts";

type Rules = Case["rules"];

const alice = (proxies: Record<string, unknown>): Rules => ({ "user:alice": json({ proxies }) });
const lets = allowed("user:alice");
const named = (name: string): Op => wireProxy({ proxy_name: name });
const ofUser = (user: string, name: string): Op =>
  wireOp("NewProxy", { user: userOf(user), proxy_name: name });
const badName = refused("proxy_name", "user:alice", "this proxy name is not allowed");
const badType = refused("proxy_type", "user:alice", "this type of proxy is not allowed");
const badPort = refused("proxy_port", "user:alice", "this port is not allowed");
const badDomain = refused("proxy_domain", "user:alice", "this domain is not allowed");
const bare = refused("proxy_encryption", "user:alice", "this proxy must use encryption");
const tooMany = refused("too_many_proxies", "user:alice", "too many proxies");

const ports = alice({ ports: [22, "6000-6100"] });
const tcp = (remote_port?: number, type = "tcp"): Op =>
  wireProxy({ proxy_type: type, ...(remote_port === undefined ? {} : { remote_port }) });
const http = (fields: Content, host?: string): Op => wireProxy({ proxy_type: "http", ...fields }, host);
const host = "t.example";
const domains = alice({ domains: ["a.example.com", "*.example.org"] });
const subdomains = alice({ subdomains: ["web", "web-*"] });

/** As many other proxies of alice at edge-1; of anybody else, and elsewhere, far too many. */
const others = (count: number, user = "alice"): Partial<Facts> => ({
  proxies: {
    others: (node, of, name) => (node === "edge-1" && of === user && name.endsWith("web") ? count : 1e9),
  },
});

// biome-ignore format: a table is read by its lines
export const proxyCases: readonly Case[] = [
  // Names.
  { name: "a name is written without its user's prefix", rules: alice({ names: ["web"] }), op: named("alice.web"), is: lets },
  { name: "a name with its user's prefix is another one", rules: alice({ names: ["alice.web"] }), op: named("alice.web"), is: badName },
  { name: "the prefix is taken off once", rules: alice({ names: ["alice.web"] }), op: named("alice.alice.web"), is: lets },
  { name: "a name that is not listed is refused", rules: alice({ names: ["web"] }), op: named("alice.web2"), is: badName },
  { name: "names are told apart by case", rules: alice({ names: ["Web"] }), op: named("alice.web"), is: badName },
  { name: "a star stands for any run of characters", rules: alice({ names: ["web-*"] }), op: named("alice.web-a.b-7"), is: lets },
  { name: "a star may stand for nothing", rules: alice({ names: ["web*"] }), op: named("alice.web"), is: lets },
  { name: "a star at the front leaves the end fixed", rules: alice({ names: ["*-web"] }), op: named("alice.a-web2"), is: badName },
  { name: "pieces between stars may not overlap", rules: alice({ names: ["ab*ba"] }), op: named("alice.aba"), is: badName },
  { name: "nothing but the star is special", rules: alice({ names: ["w.b", "w?b", "[w]eb", "w+eb"] }), op: named("alice.web"), is: badName },
  { name: "the prefix of a user with dots is taken off whole", rules: { "user:a.b": json({ proxies: { names: ["web"] } }) }, op: ofUser("a.b", "a.b.web"), is: allowed("user:a.b") },
  { name: "a part of a user name with dots is no prefix of a listed name", rules: { "user:a.b": json({ proxies: { names: ["b.web", "web"] } }) }, op: ofUser("a.b", "a.b.b.web2"), is: refused("proxy_name", "user:a.b") },
  { name: "a name may hold dots", rules: alice({ names: ["web.v2"] }), op: named("alice.web.v2"), is: lets },
  { name: "an anonymous client's name is compared whole", rules: { "user:": json({ proxies: { names: ["alice.web"] } }) }, op: ofUser("", "alice.web"), is: allowed("user:") },
  { name: "a name without the prefix is compared whole where own names are not asked for", rules: alice({ names: ["web"] }), op: named("bob.web"), policy: { ownNames: false }, is: badName },
  { name: "an absent name passes no list, not even *", rules: { "user:": json({ proxies: { names: ["*"] } }) }, op: wireOp("NewProxy", { user: userOf("") }), is: refused("proxy_name", "user:") },
  { name: "an empty name behind the prefix passes no list", rules: alice({ names: ["*"] }), op: named("alice."), is: badName },
  { name: "a name longer than any that frps takes passes no list", rules: alice({ names: ["*"] }), op: named(`alice.${"x".repeat(600)}`), is: badName },
  { name: "names are asked on an op rule with each user's prefix off", rules: { "op:NewProxy": json({ proxies: { names: ["web"] } }) }, op: named("alice.ssh"), is: refused("proxy_name", "op:NewProxy") },

  // Types.
  { name: "a listed type passes", rules: alice({ types: ["http", "udp"] }), op: wireProxy({ proxy_type: "udp" }), is: lets },
  { name: "a type that is not listed is refused", rules: alice({ types: ["http"] }), op: wireProxy({ proxy_type: "tcp" }), is: badType },
  { name: "a proxy without a type is a tcp proxy, listed", rules: alice({ types: ["tcp"] }), op: wireProxy({}), is: lets },
  { name: "a proxy without a type is a tcp proxy, not listed", rules: alice({ types: ["http"] }), op: wireProxy({}), is: badType },
  { name: "an empty type is tcp too", rules: alice({ types: ["http"] }), op: wireProxy({ proxy_type: "" }), is: badType },
  { name: "a type that nobody knows passes no list of types", rules: alice({ types: ["tcp"] }), op: wireProxy({ proxy_type: "TCP" }), is: badType },

  // Encryption.
  { name: "an encrypted proxy passes", rules: alice({ requireEncryption: true }), op: wireProxy({ use_encryption: true }), is: lets },
  { name: "an absent use_encryption is false", rules: alice({ requireEncryption: true }), op: wireProxy({}), is: bare },
  { name: "use_encryption false is refused", rules: alice({ requireEncryption: true }), op: wireProxy({ use_encryption: false }), is: bare },
  { name: "a use_encryption that is no flag is refused", rules: alice({ requireEncryption: true }), op: wireProxy({ use_encryption: "true" }), is: bare },
  { name: "encryption is asked of every type", rules: alice({ requireEncryption: true }), op: http({ custom_domains: ["a.example.com"] }), is: bare },
  { name: "requireEncryption false asks nothing", rules: alice({ requireEncryption: false }), op: wireProxy({}), is: lets },

  // Ports.
  { name: "a listed port passes", rules: ports, op: tcp(22), is: lets },
  { name: "the first port of a range passes", rules: ports, op: tcp(6000), is: lets },
  { name: "the last port of a range passes", rules: ports, op: tcp(6100), is: lets },
  { name: "the port before a range is refused", rules: ports, op: tcp(5999), is: badPort },
  { name: "the port behind a range is refused", rules: ports, op: tcp(6101), is: badPort },
  { name: "a port of udp is asked too", rules: ports, op: tcp(53, "udp"), is: badPort },
  { name: "a port of a proxy without a type is asked", rules: ports, op: wireProxy({ remote_port: 23 }), is: badPort },
  { name: "an absent port is 0, which is not listed", rules: ports, op: tcp(), is: badPort },
  { name: "port 0 is refused where it is not listed", rules: ports, op: tcp(0), is: badPort },
  { name: "an absent port passes where 0 is listed", rules: alice({ ports: [0] }), op: tcp(), is: lets },
  { name: "port 0 passes where it is listed", rules: alice({ ports: [0, 22] }), op: tcp(0), is: lets },
  { name: "a range from 0 lists 0", rules: alice({ ports: ["0-100"] }), op: tcp(), is: lets },
  { name: "where only 0 is listed no other port passes", rules: alice({ ports: [0] }), op: tcp(22), is: badPort },
  { name: "a negative port is refused", rules: alice({ ports: ["0-65535"] }), op: tcp(-1), is: badPort },
  { name: "a port that is too large is refused", rules: alice({ ports: ["0-65535"] }), op: tcp(65_536), is: badPort },
  { name: "a port too wide for a number is not taken for 0", rules: alice({ ports: [0] }), op: wireOp("NewProxy", '{"user":{"user":"alice"},"proxy_name":"alice.web","proxy_type":"tcp","remote_port":9007199254740993}'), is: badPort },
  { name: "a fraction of a port is refused", rules: alice({ ports: [22, 23] }), op: tcp(22.5), is: badPort },
  { name: "ports are not asked of http, which has none", rules: ports, op: http({ custom_domains: ["a.example.com"], remote_port: 5 }), is: lets },
  { name: "ports are not asked of stcp, which has none", rules: ports, op: tcp(5, "stcp"), is: lets },

  // Domains.
  { name: "a listed domain passes", rules: domains, op: http({ custom_domains: ["a.example.com"] }), is: lets },
  { name: "a listed domain passes in any spelling", rules: domains, op: http({ custom_domains: ["A.Example.COM."] }), is: lets },
  { name: "a listed domain may itself be in any spelling", rules: alice({ domains: ["BÜCHER.example."] }), op: http({ custom_domains: ["xn--bcher-kva.example"] }), is: lets },
  { name: "a domain below a listed wildcard passes at any depth", rules: domains, op: http({ custom_domains: ["x.y.example.org"] }), is: lets },
  { name: "the domain that a listed wildcard stands below is refused", rules: domains, op: http({ custom_domains: ["example.org"] }), is: badDomain },
  { name: "a domain that ends like a listed one is refused", rules: domains, op: http({ custom_domains: ["bad-a.example.com"] }), is: badDomain },
  { name: "a domain below a listed name is refused", rules: domains, op: http({ custom_domains: ["x.a.example.com"] }), is: badDomain },
  { name: "one domain that is not listed refuses the others with it", rules: domains, op: http({ custom_domains: ["a.example.com", "bank.example"] }), is: badDomain },
  { name: "a requested wildcard passes if it is listed", rules: domains, op: http({ custom_domains: ["*.example.org"] }), is: lets },
  { name: "a requested wildcard passes below a listed one", rules: domains, op: http({ custom_domains: ["*.x.example.org"] }), is: lets },
  { name: "a requested wildcard above a listed domain is refused", rules: domains, op: http({ custom_domains: ["*.example.com"] }), is: badDomain },
  { name: "a requested wildcard above a listed wildcard is refused", rules: domains, op: http({ custom_domains: ["*.org"] }), is: badDomain },
  { name: "a requested * is refused", rules: domains, op: http({ custom_domains: ["*"] }), is: badDomain },
  { name: "a requested * passes where * is listed", rules: alice({ domains: ["*"] }), op: http({ custom_domains: ["*"] }), is: lets },
  { name: "* lists every domain", rules: alice({ domains: ["*"] }), op: http({ custom_domains: ["bank.example"] }), is: lets },
  { name: "no domain at all is refused, even by *", rules: alice({ domains: ["*"] }), op: http({}), is: badDomain },
  { name: "empty domains are none", rules: alice({ domains: ["*"] }), op: http({ custom_domains: ["", ""] }), is: badDomain },
  { name: "null domains are none", rules: alice({ domains: ["*"] }), op: http({ custom_domains: null }), is: badDomain },
  { name: "domains are asked of https", rules: domains, op: wireProxy({ proxy_type: "https", custom_domains: ["bank.example"] }), is: badDomain },
  { name: "domains are asked of tcpmux", rules: domains, op: wireProxy({ proxy_type: "tcpmux", custom_domains: ["bank.example"] }), is: badDomain },
  { name: "domains are not asked of tcp, which ignores them", rules: domains, op: tcp(22), is: lets },
  { name: "domains are not asked of stcp", rules: domains, op: wireProxy({ proxy_type: "stcp", custom_domains: ["bank.example"] }), is: lets },
  { name: "an address rule takes no proxies, since it would never be asked", rules: { "ip:198.51.100.7": json({ proxies: { ports: [22] } }) }, op: wireLogin(), is: refused("rule_unreadable", "ip:198.51.100.7") },

  // Subdomains.
  { name: "a listed subdomain passes", rules: subdomains, op: http({ subdomain: "web" }, host), is: lets },
  { name: "a listed subdomain passes where the host is not known", rules: subdomains, op: http({ subdomain: "web" }), is: lets },
  { name: "a listed subdomain passes whatever its case, as frps routes it", rules: alice({ subdomains: ["Web"] }), op: http({ subdomain: "wEB" }, host), is: lets },
  { name: "a subdomain below a star passes", rules: subdomains, op: http({ subdomain: "web-7" }, host), is: lets },
  { name: "a subdomain that is not listed is refused", rules: subdomains, op: http({ subdomain: "bank" }, host), is: badDomain },
  { name: "an absent subdomain is refused, even by *", rules: alice({ subdomains: ["*"] }), op: http({}, host), is: badDomain },
  { name: "a list of subdomains lists no custom domain", rules: subdomains, op: http({ custom_domains: ["bank.example"] }, host), is: badDomain },
  { name: "a list of subdomains lists no custom domain beside a listed subdomain", rules: subdomains, op: http({ custom_domains: ["bank.example"], subdomain: "web" }, host), is: badDomain },
  { name: "a custom domain that repeats the subdomain hides no foreign one", rules: subdomains, op: http({ custom_domains: ["web.t.example", "bank.example"], subdomain: "web" }, host), is: badDomain },
  { name: "a custom domain that repeats the subdomain in capitals hides no foreign one", rules: subdomains, op: http({ custom_domains: ["bank.example", "WEB.T.EXAMPLE."], subdomain: "web" }, host), is: badDomain },
  { name: "a custom domain of the subdomain's form alone is no subdomain", rules: subdomains, op: http({ custom_domains: ["web.t.example"] }, host), is: badDomain },
  { name: "a subdomain that looks like a domain lends nothing to a custom one", rules: alice({ subdomains: ["*"] }), op: http({ custom_domains: ["bank.example"], subdomain: "bank.example" }), is: badDomain },
  { name: "a subdomain with a dot is none, as in frps", rules: alice({ subdomains: ["*"] }), op: http({ subdomain: "a.b" }, host), is: badDomain },
  { name: "a subdomain with a star is none, as in frps", rules: alice({ subdomains: ["*"] }), op: http({ subdomain: "*" }, host), is: badDomain },
  { name: "a subdomain passes by its whole domain too", rules: alice({ domains: ["*.t.example"] }), op: http({ subdomain: "web" }, host), is: lets },
  { name: "a subdomain whose host is not known passes by no whole domain", rules: alice({ domains: ["*.t.example"] }), op: http({ subdomain: "web" }), is: badDomain },
  { name: "custom domains and a subdomain pass by a list each", rules: alice({ domains: ["a.example.com"], subdomains: ["web"] }), op: http({ custom_domains: ["a.example.com"], subdomain: "web" }, host), is: lets },
  { name: "with a list each a foreign subdomain is refused", rules: alice({ domains: ["a.example.com"], subdomains: ["web"] }), op: http({ custom_domains: ["a.example.com"], subdomain: "bank" }, host), is: badDomain },
  { name: "subdomains are not asked of tcp", rules: subdomains, op: wireProxy({ proxy_type: "tcp", subdomain: "bank" }, host), is: lets },

  // How many.
  { name: "a proxy below the most passes", rules: alice({ max: 3 }), op: wireProxy({}), facts: others(2), is: lets },
  { name: "a proxy beyond the most is refused", rules: alice({ max: 3 }), op: wireProxy({}), facts: others(3), is: tooMany },
  { name: "a most of 0 refuses the first", rules: alice({ max: 0 }), op: wireProxy({}), facts: others(0), is: tooMany },
  { name: "a group's most counts each user's own", rules: { "user:alice": json({ groups: ["g"] }), "group:g": json({ proxies: { max: 3 } }) }, op: wireProxy({}), facts: others(3), is: refused("too_many_proxies", "group:g") },
  { name: "a most on an op rule cannot be read, since it counts nobody", rules: { "op:NewProxy": json({ proxies: { max: 3 } }) }, op: wireProxy({}), is: refused("rule_unreadable", "op:NewProxy") },

  // When they are asked.
  { name: "proxies are not asked at Login", rules: alice({ names: ["x"], types: ["udp"], max: 0, requireEncryption: true }), op: wireLogin(), is: lets },
  { name: "proxies are not asked at Ping", rules: alice({ names: ["x"], types: ["udp"], max: 0, requireEncryption: true }), op: ping(), is: lets },
  { name: "proxies are not asked at NewUserConn", rules: alice({ names: ["x"], types: ["udp"], ports: [1], max: 0, requireEncryption: true }), op: wireUserConn(), is: lets },
  { name: "of several parts the name is told first", rules: alice({ names: ["x"], types: ["udp"], requireEncryption: true, ports: [1], max: 0 }), op: tcp(22), is: badName },
  { name: "of several parts the type is told before the port", rules: alice({ types: ["udp"], ports: [1], max: 0 }), op: tcp(22), is: badType },
  { name: "proxies on a node rule are asked of every user", rules: { "node:edge-1": json({ proxies: { types: ["http"] } }), "user:alice": "allow" }, op: tcp(22), is: refused("proxy_type", "node:edge-1") },
  { name: "proxies on a domain rule are asked of who asks for it", rules: { "domain:*.example.com": json({ proxies: { types: ["https"] } }) }, op: http({ custom_domains: ["a.example.com"] }), is: refused("proxy_type", "domain:*.example.com") },
  { name: "proxies on a domain rule are asked where a wildcard overlaps it", rules: { "domain:a.example.com": json({ proxies: { types: ["https"] } }) }, op: http({ custom_domains: ["*.example.com"] }), is: refused("proxy_type", "domain:a.example.com") },
  { name: "proxies on a domain rule are not asked of who does not", rules: { "domain:*.example.com": json({ proxies: { types: ["https"] } }) }, op: http({ custom_domains: ["a.example.org"] }), is: allowedByDefault },
  { name: "observe mode allows a port that is not listed", rules: ports, op: tcp(23), policy: observe, is: observed(null, "proxy_port", "user:alice") },
];
