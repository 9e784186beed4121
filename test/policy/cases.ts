/**
 * The table of what the policy says: rules, an op, and the decision. Later kinds of rules add rows here.
 *
 * A row's name is the guarantee that it proves.
 */
import type { Decision, ReasonCode } from "../../src/decision.ts";
import type { Op, ProxChanges } from "../../src/op.ts";
import { parseRemote } from "../../src/policy/addresses.ts";
import { requestedDomains } from "../../src/policy/domains.ts";
import type { ConnectionCounts, Facts } from "../../src/policy/facts.ts";
import type { PolicySettings, PolicyView } from "../../src/policy/policy.ts";
import { RuleSet } from "../../src/policy/rule-set.ts";

/** Every case takes place at this moment. */
export const now = "2026-06-01T12:00:00Z";
export const nowMs = Date.parse(now);
const noConnections: ConnectionCounts = {
  open: () => 0,
  begun: () => 0,
  logins: () => 0,
  endsAnnounced: () => false,
};
export const facts: Facts = {
  nowMs,
  tokenMeta: "token",
  connections: noConnections,
  proxies: { others: () => 0 },
};
export const before = "2026-05-31T00:00:00Z";
export const after = "2026-06-02T00:00:00Z";

export interface Case {
  readonly name: string;
  readonly rules: Readonly<Record<string, string>>;
  readonly op: Op;
  readonly policy?: Partial<Pick<PolicyView, "available" | "refuseAsStale"> & PolicySettings>;
  /** What differs from `facts`. */
  readonly facts?: Partial<Facts>;
  readonly is: Outcome;
}

interface Outcome {
  readonly effect: Decision["effect"];
  readonly code: ReasonCode;
  readonly rule: string | null;
  /** Any that is not empty where a row doesn't say. */
  readonly reason?: string;
  /** Code and rule of `wouldRefuse`; an outcome without it demands that there is none. */
  readonly would?: readonly [ReasonCode, string | null];
  /** What the answer changes; an outcome without it demands that nothing is. */
  readonly set?: Readonly<Record<string, unknown>>;
  /** What changes at prox, or is answered there; likewise. */
  readonly prox?: ProxChanges;
}

const settings: PolicySettings = { default: "allow", mode: "enforce", ownNames: true, tokenMeta: "token" };

export function view(rules: RuleSet, policy: Case["policy"] = {}): PolicyView {
  const { available = true, refuseAsStale = false, ...changed } = policy;
  return { rules, settings: { ...settings, ...changed }, available, refuseAsStale };
}

export function viewOf(row: Pick<Case, "rules" | "policy">): PolicyView {
  return view(new RuleSet(Object.entries(row.rules)), row.policy);
}

export const aliceClient = "c_00112233445566aa";

const blank: Op = {
  protocol: "frp",
  node: "edge-1",
  name: "Ping",
  known: true,
  refusable: true,
  reqid: "0123456789abcdef",
  user: "alice",
  client: aliceClient,
  proxy: null,
  remote: null,
  metas: null,
  proxyOptions: null,
  clientInfo: null,
  traffic: null,
  prox: null,
  content: {},
  atMs: nowMs,
};

/** The first Login of a client: it has no run id yet. */
export function login(user: string, address = "198.51.100.7:40000"): Op {
  return { ...blank, name: "Login", user, client: null, remote: parseRemote(address) };
}

export function ping(user = "alice"): Op {
  return { ...blank, user };
}

export function newProxy(user: string, name: string, domains: readonly string[] = [], type?: string): Op {
  const proxy = {
    name,
    type: type ?? (domains.length > 0 ? "http" : "tcp"),
    domains: requestedDomains(domains, "", null),
    remotePort: null,
  };
  return { ...blank, name: "NewProxy", user, proxy };
}

export function userConn(user: string, name: string, address: string): Op {
  return {
    ...blank,
    name: "NewUserConn",
    user,
    proxy: { name, type: "tcp", domains: [], remotePort: null },
    remote: parseRemote(address),
  };
}

export function unknownOp(fields: Partial<Op> = {}): Op {
  return { ...blank, name: "NewThing", known: false, user: null, client: null, ...fields };
}

export const denyByDefault = { default: "deny" } as const;
export const observe = { mode: "observe" } as const;
const web = newProxy("alice", "alice.web", ["a.example.com"]);

export function json(fields: Record<string, unknown>): string {
  return JSON.stringify(fields);
}

export const allowedByDefault: Outcome = { effect: "allowed", code: "default_allow", rule: null };
export const recorded: Outcome = { effect: "recorded", code: "not_refusable", rule: null };

export function allowed(rule: string): Outcome {
  return { effect: "allowed", code: rule === "default" ? "default_allow" : "rule_allow", rule };
}

export function denied(rule: string, reason = "refused by policy"): Outcome {
  return { effect: "refused", code: "rule_deny", rule, reason };
}

export function refused(code: ReasonCode, rule: string | null, reason?: string): Outcome {
  return { effect: "refused", code, rule, ...(reason === undefined ? {} : { reason }) };
}

/** Allowed, by this rule or else by default, only because the refusal is not enforced. */
export function observed(rule: string | null, code: ReasonCode, refusedBy: string | null): Outcome {
  return { ...(rule === null ? allowedByDefault : allowed(rule)), would: [code, refusedBy] };
}

// biome-ignore format: a table is read by its lines
export const cases: readonly Case[] = [
  { name: "an empty proxy name does not pass a denied domain", rules: { "domain:*.bank.example": "deny no banks", "user:alice": "allow" }, op: newProxy("alice", "", ["a.bank.example"]), is: denied("domain:*.bank.example", "no banks") },
  { name: "an empty proxy name is not a user's own", rules: {}, op: newProxy("alice", ""), is: refused("own_names", null) },
  // The default.
  { name: "without rules policy.default allow allows", rules: {}, op: ping(), is: allowedByDefault },
  { name: "without rules policy.default deny refuses", rules: {}, op: ping(), policy: denyByDefault, is: refused("default_deny", null, "refused by policy") },
  { name: "the default rule denies over policy.default allow", rules: { default: "deny" }, op: ping(), is: refused("default_deny", "default") },
  { name: "the default rule allows over policy.default deny", rules: { default: "allow" }, op: ping(), policy: denyByDefault, is: allowed("default") },
  { name: "the default rule tells its reason", rules: { default: "deny closed for now" }, op: ping(), is: refused("default_deny", "default", "closed for now") },
  { name: "an allow of any scope outranks the default rule", rules: { default: "deny", "user:alice": "allow" }, op: ping(), is: allowed("user:alice") },
  { name: "a default rule that cannot be read refuses what no other rule allows", rules: { default: "alow" }, op: ping(), is: refused("rule_unreadable", "default") },
  { name: "a default rule that cannot be read leaves alone what another rule allows", rules: { default: "alow", "user:alice": "allow" }, op: ping(), is: allowed("user:alice") },
  { name: "a default rule limited to other ops leaves policy.default to decide", rules: { default: json({ effect: "deny", ops: ["Login"] }) }, op: ping(), is: allowedByDefault },
  { name: "a default rule must say its effect", rules: { default: json({ note: "x" }) }, op: ping(), is: refused("rule_unreadable", "default") },
  { name: "a default allow that has ended refuses", rules: { default: json({ effect: "allow", expiresAt: before }) }, op: ping(), is: refused("access_ended", "default") },

  // Each scope, and who is meant.
  { name: "a user rule denies the ops of that user", rules: { "user:alice": "deny" }, op: ping(), is: denied("user:alice", "refused by policy") },
  { name: "a user rule leaves other users alone", rules: { "user:alice": "deny" }, op: ping("bob"), is: allowedByDefault },
  { name: "users are told apart by case", rules: { "user:Alice": "deny" }, op: ping(), is: allowedByDefault },
  { name: "a user whose name holds a colon has a rule", rules: { "user:a:b": "deny" }, op: ping("a:b"), is: denied("user:a:b") },
  { name: "the rule of the anonymous user is user: with an empty id", rules: { "user:": "deny" }, op: login(""), is: denied("user:") },
  { name: "the rule of the anonymous user leaves named users alone", rules: { "user:": "deny" }, op: login("alice"), is: allowedByDefault },
  { name: "an op that names no user meets no user rule, not even the anonymous one", rules: { "user:": "deny" }, op: unknownOp(), is: allowedByDefault },
  { name: "a client rule denies that client", rules: { [`client:${aliceClient}`]: "deny" }, op: ping(), is: denied(`client:${aliceClient}`) },
  { name: "a client rule leaves a first login, which has no client yet, alone", rules: { [`client:${aliceClient}`]: "deny" }, op: login("alice"), is: allowedByDefault },
  { name: "a node rule denies all that comes from it", rules: { "node:edge-1": "deny" }, op: ping(), is: denied("node:edge-1") },
  { name: "a node rule leaves other nodes alone", rules: { "node:edge-2": "deny" }, op: ping(), is: allowedByDefault },
  { name: "an op rule denies every call of that op", rules: { "op:Ping": "deny" }, op: ping(), is: denied("op:Ping") },
  { name: "an op rule leaves other ops alone", rules: { "op:NewProxy": "deny" }, op: ping(), is: allowedByDefault },
  { name: "a proxy rule denies that proxy", rules: { "proxy:alice.ssh": "deny" }, op: newProxy("alice", "alice.ssh"), is: denied("proxy:alice.ssh") },
  { name: "a proxy rule denies its user connections too", rules: { "proxy:alice.ssh": "deny" }, op: userConn("alice", "alice.ssh", "203.0.113.9:1"), is: denied("proxy:alice.ssh") },
  { name: "a proxy rule leaves other proxies alone", rules: { "proxy:alice.ssh": "deny" }, op: newProxy("alice", "alice.ssh2"), is: allowedByDefault },
  { name: "a rule of an unknown scope covers nothing", rules: { "usr:alice": "deny" }, op: ping(), is: allowedByDefault },
  { name: "a rule of an unknown scope grants nothing", rules: { "usr:alice": "allow" }, op: ping(), policy: denyByDefault, is: refused("default_deny", null) },

  // Deny, allow, require.
  { name: "a deny tells its reason", rules: { "user:alice": "deny moved away" }, op: ping(), is: denied("user:alice", "moved away") },
  { name: "a deny in JSON tells its reason", rules: { "user:alice": json({ effect: "deny", reason: "moved away" }) }, op: ping(), is: denied("user:alice", "moved away") },
  { name: "a reason of nothing but control characters becomes the standing one", rules: { "user:alice": json({ effect: "deny", reason: "\n\u0007\u202e" }) }, op: ping(), is: denied("user:alice", "refused by policy") },
  { name: "a deny of a less specific scope holds against a more specific allow", rules: { "proxy:alice.ssh": "allow", "op:NewProxy": "deny" }, op: newProxy("alice", "alice.ssh"), is: denied("op:NewProxy") },
  { name: "a deny of a more specific scope holds against a less specific allow", rules: { "user:alice": "deny", "op:Ping": "allow" }, op: ping(), is: denied("user:alice") },
  { name: "an allow grants where the default denies", rules: { "op:Ping": "allow" }, op: ping(), policy: denyByDefault, is: allowed("op:Ping") },
  { name: "JSON without effect allows on user", rules: { "user:alice": json({ note: "pilot" }) }, op: ping(), policy: denyByDefault, is: allowed("user:alice") },
  { name: "JSON without effect allows on client", rules: { [`client:${aliceClient}`]: "{}" }, op: ping(), policy: denyByDefault, is: allowed(`client:${aliceClient}`) },
  { name: "JSON without effect allows on proxy", rules: { "proxy:alice.ssh": "{}" }, op: newProxy("alice", "alice.ssh"), policy: denyByDefault, is: allowed("proxy:alice.ssh") },
  { name: "JSON without effect grants nothing on op", rules: { "op:Ping": "{}" }, op: ping(), policy: denyByDefault, is: refused("default_deny", null) },
  { name: "JSON without effect grants nothing on node", rules: { "node:edge-1": "{}" }, op: ping(), policy: denyByDefault, is: refused("default_deny", null) },
  { name: "JSON without effect grants nothing on ip", rules: { "ip:198.51.100.7": "{}" }, op: login("alice"), policy: denyByDefault, is: refused("default_deny", null) },
  { name: "JSON without effect grants nothing on domain", rules: { "domain:a.example.com": "{}" }, op: web, policy: denyByDefault, is: refused("default_deny", null) },
  { name: "a require without conditions changes nothing", rules: { "user:alice": json({ effect: "require" }) }, op: ping(), is: allowedByDefault },

  // The reported rule.
  { name: "of several refusals the client's is reported", rules: { [`client:${aliceClient}`]: "deny", "proxy:alice.ssh": "deny", "user:alice": "deny", "node:edge-1": "deny" }, op: newProxy("alice", "alice.ssh"), is: denied(`client:${aliceClient}`) },
  { name: "a proxy's refusal is reported before a user's", rules: { "user:alice": "deny", "proxy:alice.ssh": "deny" }, op: newProxy("alice", "alice.ssh"), is: denied("proxy:alice.ssh") },
  { name: "a user's refusal is reported before an address's", rules: { "user:alice": "deny", "ip:198.51.100.7": "deny" }, op: login("alice"), is: denied("user:alice") },
  { name: "an address's refusal is reported before a node's", rules: { "node:edge-1": "deny", "ip:0.0.0.0/0": "deny" }, op: login("alice"), is: denied("ip:0.0.0.0/0") },
  { name: "a domain's refusal is reported before a node's", rules: { "node:edge-1": "deny", "domain:*": "deny" }, op: web, is: denied("domain:*") },
  { name: "a node's refusal is reported before an op's", rules: { "node:edge-1": "deny", "op:Ping": "deny" }, op: ping(), is: denied("node:edge-1") },
  { name: "of several grants the most specific is reported", rules: { "op:Ping": "allow", "node:edge-1": "allow", "user:alice": "allow" }, op: ping(), is: allowed("user:alice") },

  // Ops, beginning and end.
  { name: "a rule limited to an op refuses it", rules: { "user:alice": json({ effect: "deny", ops: ["Ping"] }) }, op: ping(), is: denied("user:alice") },
  { name: "a rule limited to other ops drops out", rules: { "user:alice": json({ effect: "deny", ops: ["Login", "NewProxy"] }) }, op: ping(), is: allowedByDefault },
  { name: "an allow limited to other ops grants nothing", rules: { "user:alice": json({ ops: ["Login"] }) }, op: ping(), policy: denyByDefault, is: refused("default_deny", null) },
  { name: "a deny that has not begun drops out", rules: { "user:alice": json({ effect: "deny", notBefore: after }) }, op: ping(), is: allowedByDefault },
  { name: "an allow that has not begun grants nothing", rules: { "user:alice": json({ notBefore: after }) }, op: ping(), policy: denyByDefault, is: refused("default_deny", null) },
  { name: "a rule begins at the moment of notBefore", rules: { "user:alice": json({ effect: "deny", notBefore: now }) }, op: ping(), is: denied("user:alice") },
  { name: "a rule begun before holds", rules: { "user:alice": json({ effect: "deny", notBefore: before, expiresAt: after }) }, op: ping(), is: denied("user:alice") },
  { name: "a deny that has ended drops out", rules: { "user:alice": json({ effect: "deny", expiresAt: before }) }, op: ping(), is: allowedByDefault },
  { name: "a rule ends at the moment of expiresAt", rules: { "user:alice": json({ effect: "deny", expiresAt: now }) }, op: ping(), is: allowedByDefault },
  { name: "a require that has ended drops out", rules: { "user:alice": json({ effect: "require", expiresAt: before }) }, op: ping(), is: allowedByDefault },
  { name: "an allow that has ended refuses", rules: { "user:alice": json({ expiresAt: before }) }, op: ping(), is: refused("access_ended", "user:alice", "access ended") },
  { name: "an allow ends at the moment of expiresAt", rules: { "user:alice": json({ expiresAt: now }) }, op: ping(), is: refused("access_ended", "user:alice") },
  { name: "an allow that ends later grants", rules: { "user:alice": json({ expiresAt: after }) }, op: ping(), policy: denyByDefault, is: allowed("user:alice") },
  { name: "an allow that has ended refuses against an allow of another scope", rules: { "op:Ping": json({ effect: "allow", expiresAt: before }), "user:alice": "allow" }, op: ping(), is: refused("access_ended", "op:Ping") },
  { name: "an allow that has ended leaves ops it does not cover alone", rules: { "user:alice": json({ expiresAt: before, ops: ["Login"] }) }, op: ping(), is: allowedByDefault },
  { name: "times are compared across zones", rules: { "user:alice": json({ expiresAt: "2026-06-01T13:30:00+02:00" }) }, op: ping(), is: refused("access_ended", "user:alice") },

  // What cannot be read.
  { name: "a misspelt value refuses what its key covers", rules: { "user:alice": "alow" }, op: ping(), is: refused("rule_unreadable", "user:alice", "a policy rule for this cannot be read") },
  { name: "a misspelt value leaves what its key does not cover alone", rules: { "user:alice": "alow" }, op: ping("bob"), is: allowedByDefault },
  { name: "an unknown key makes a rule unreadable, and it refuses", rules: { "user:alice": json({ effect: "allow", expiresAtt: after }) }, op: ping(), is: refused("rule_unreadable", "user:alice") },
  { name: "a rule that cannot be read refuses against an allow of another scope", rules: { "user:alice": "allow", "op:Ping": "" }, op: ping(), is: refused("rule_unreadable", "op:Ping") },
  { name: "a rule that cannot be read refuses ops that its value would not name", rules: { "user:alice": json({ ops: ["Login"], effects: "allow" }) }, op: ping(), is: refused("rule_unreadable", "user:alice") },
  { name: "a network that cannot be read refuses its addresses", rules: { "ip:198.51.100.0/24": "yes" }, op: login("alice"), is: refused("rule_unreadable", "ip:198.51.100.0/24") },
  { name: "a more exact rule shields from a network that cannot be read", rules: { "ip:198.51.100.0/24": "yes", "ip:198.51.100.7": "allow" }, op: login("alice"), is: allowed("ip:198.51.100.7") },

  // Addresses.
  { name: "an ip rule denies the client address at Login", rules: { "ip:198.51.100.7": "deny" }, op: login("alice"), is: denied("ip:198.51.100.7") },
  { name: "an ip rule denies the visitor address at NewUserConn", rules: { "ip:203.0.113.0/24": "deny" }, op: userConn("alice", "alice.ssh", "203.0.113.9:5"), is: denied("ip:203.0.113.0/24") },
  { name: "of two networks the longer prefix counts, a deny", rules: { "ip:198.51.0.0/16": "allow", "ip:198.51.100.0/24": "deny" }, op: login("alice"), is: denied("ip:198.51.100.0/24") },
  { name: "of two networks the longer prefix counts, an allow", rules: { "ip:198.51.0.0/16": "deny", "ip:198.51.100.0/24": "allow" }, op: login("alice"), is: allowed("ip:198.51.100.0/24") },
  { name: "where the longer prefix drops out the next one counts", rules: { "ip:198.51.0.0/16": "deny", "ip:198.51.100.0/24": json({ effect: "allow", ops: ["NewUserConn"] }) }, op: login("alice"), is: denied("ip:198.51.0.0/16") },
  { name: "0.0.0.0/0 covers every IPv4 address", rules: { "ip:0.0.0.0/0": "deny" }, op: login("alice"), is: denied("ip:0.0.0.0/0") },
  { name: "::/0 covers no IPv4 address", rules: { "ip:::/0": "deny" }, op: login("alice"), is: allowedByDefault },
  { name: "0.0.0.0/0 covers no IPv6 address", rules: { "ip:0.0.0.0/0": "deny" }, op: login("alice", "[2001:db8::1]:5"), is: allowedByDefault },
  { name: "an IPv6 rule in any spelling meets the address", rules: { "ip:2001:DB8:0:0::1": "deny" }, op: login("alice", "[2001:db8::1]:5"), is: denied("ip:2001:DB8:0:0::1") },
  { name: "an IPv6 network covers its addresses", rules: { "ip:2001:db8::/33": "deny" }, op: login("alice", "[2001:db8:7fff::1]:5"), is: denied("ip:2001:db8::/33") },
  { name: "an IPv6 network leaves its neighbour alone", rules: { "ip:2001:db8::/33": "deny" }, op: login("alice", "[2001:db8:8000::1]:5"), is: allowedByDefault },
  { name: "an IPv4 rule meets an IPv4-mapped address", rules: { "ip:198.51.100.7": "deny" }, op: login("alice", "[::ffff:198.51.100.7]:5"), is: denied("ip:198.51.100.7") },
  { name: "an IPv4-mapped rule meets an IPv4 address", rules: { "ip:::ffff:198.51.100.0/120": "deny" }, op: login("alice"), is: denied("ip:::ffff:198.51.100.0/120") },
  { name: "host bits below the prefix do not count", rules: { "ip:198.51.100.99/24": "deny" }, op: login("alice"), is: denied("ip:198.51.100.99/24") },
  { name: "of two spellings of one address a deny in either refuses", rules: { "ip:198.51.100.7": "allow", "ip:::ffff:198.51.100.7": "deny" }, op: login("alice"), is: denied("ip:::ffff:198.51.100.7") },
  { name: "without an address no ip rule is met", rules: { "ip:0.0.0.0/0": "deny", "ip:::/0": "deny" }, op: login("alice", "pipe"), is: allowedByDefault },
  { name: "a malformed address covers nothing", rules: { "ip:198.51.100.7/33": "deny" }, op: login("alice"), is: allowedByDefault },

  // Domains.
  { name: "a domain rule denies a proxy that asks for it", rules: { "domain:a.example.com": "deny" }, op: web, is: denied("domain:a.example.com") },
  { name: "a domain rule grants a proxy that asks for it", rules: { "domain:a.example.com": "allow" }, op: web, policy: denyByDefault, is: allowed("domain:a.example.com") },
  { name: "domains are compared whatever their case and trailing dot", rules: { "domain:A.Example.COM.": "deny" }, op: newProxy("alice", "alice.web", ["a.EXAMPLE.com."]), is: denied("domain:A.Example.COM.") },
  { name: "domains are compared in punycode", rules: { "domain:bücher.example": "deny" }, op: newProxy("alice", "alice.web", ["xn--bcher-kva.example"]), is: denied("domain:bücher.example") },
  { name: "a wildcard covers every depth", rules: { "domain:*.example.com": "deny" }, op: newProxy("alice", "alice.web", ["x.y.z.example.com"]), is: denied("domain:*.example.com") },
  { name: "a wildcard does not cover what stands below it", rules: { "domain:*.example.com": "deny" }, op: newProxy("alice", "alice.web", ["example.com"]), is: allowedByDefault },
  { name: "a wildcard does not cover a name that merely ends alike", rules: { "domain:*.example.com": "deny" }, op: newProxy("alice", "alice.web", ["badexample.com"]), is: allowedByDefault },
  { name: "the exact domain counts before a wildcard", rules: { "domain:*.example.com": "deny", "domain:a.example.com": "allow" }, op: web, is: allowed("domain:a.example.com") },
  { name: "the nearest wildcard counts before a farther one", rules: { "domain:*.com": "allow", "domain:*.example.com": "deny" }, op: web, is: denied("domain:*.example.com") },
  { name: "* covers every domain", rules: { "domain:*": "deny" }, op: web, is: denied("domain:*") },
  { name: "one denied domain of several refuses", rules: { "domain:a.example.com": "allow", "domain:b.example.com": "deny" }, op: newProxy("alice", "alice.web", ["a.example.com", "b.example.com"]), is: denied("domain:b.example.com") },
  { name: "several domains that are all allowed are granted", rules: { "domain:a.example.com": "allow", "domain:*.example.org": "allow" }, op: newProxy("alice", "alice.web", ["a.example.com", "b.example.org"]), policy: denyByDefault, is: allowed("domain:a.example.com") },
  { name: "a domain without a rule beside an allowed one falls to the default", rules: { "domain:a.example.com": "allow" }, op: newProxy("alice", "alice.web", ["a.example.com", "b.example.com"]), policy: denyByDefault, is: refused("default_deny", null) },
  { name: "a user's allow grants a domain without a rule", rules: { "domain:a.example.com": "allow", "user:alice": "allow" }, op: newProxy("alice", "alice.web", ["a.example.com", "b.example.com"]), policy: denyByDefault, is: allowed("user:alice") },
  { name: "a tcp proxy is granted nothing by a domain that it names", rules: { "domain:a.example.com": "allow" }, op: newProxy("alice", "alice.ssh", ["a.example.com"], "tcp"), policy: denyByDefault, is: refused("default_deny", null) },
  { name: "a requested wildcard meets the deny of a name below it", rules: { "domain:a.example.com": "deny" }, op: newProxy("alice", "alice.web", ["*.example.com"]), is: denied("domain:a.example.com") },
  { name: "a requested wildcard meets the deny of a wildcard below it", rules: { "domain:*.a.example.com": "deny" }, op: newProxy("alice", "alice.web", ["*.example.com"]), is: denied("domain:*.a.example.com") },
  { name: "a requested wildcard meets the deny of a wildcard above it", rules: { "domain:*.com": "deny" }, op: newProxy("alice", "alice.web", ["*.example.com"]), is: denied("domain:*.com") },
  { name: "a requested wildcard below an allow is refused for a deny within it", rules: { "domain:*.example.com": "allow", "domain:x.y.example.com": "deny" }, op: newProxy("alice", "alice.web", ["*.example.com"]), is: denied("domain:x.y.example.com") },
  { name: "a requested wildcard is not granted by an allow of a part", rules: { "domain:a.example.com": "allow" }, op: newProxy("alice", "alice.web", ["*.example.com"]), policy: denyByDefault, is: refused("default_deny", null) },
  { name: "a requested wildcard is granted by an allow that contains it", rules: { "domain:*.com": "allow" }, op: newProxy("alice", "alice.web", ["*.example.com"]), policy: denyByDefault, is: allowed("domain:*.com") },
  { name: "a requested wildcard leaves the deny of the name above it alone", rules: { "domain:example.com": "deny" }, op: newProxy("alice", "alice.web", ["*.example.com"]), is: allowedByDefault },
  { name: "a requested * meets every deny", rules: { "domain:a.example.com": "deny" }, op: newProxy("alice", "alice.web", ["*"]), is: denied("domain:a.example.com") },
  { name: "a requested wildcard meets an ended allow below it", rules: { "domain:a.example.com": json({ effect: "allow", expiresAt: before }) }, op: newProxy("alice", "alice.web", ["*.example.com"]), is: refused("access_ended", "domain:a.example.com") },
  { name: "a requested wildcard meets a rule below it that cannot be read", rules: { "domain:a.example.com": "?" }, op: newProxy("alice", "alice.web", ["*.example.com"]), is: refused("rule_unreadable", "domain:a.example.com") },
  { name: "a requested wildcard passes a deny below it that has ended", rules: { "domain:a.example.com": json({ effect: "deny", expiresAt: before }) }, op: newProxy("alice", "alice.web", ["*.example.com"]), is: allowedByDefault },
  { name: "a requested wildcard meets a deny below it beside one that is not enforced", rules: { "domain:a.example.com": json({ effect: "deny", enforce: false }), "domain:b.example.com": "deny" }, op: newProxy("alice", "alice.web", ["*.example.com"]), is: denied("domain:b.example.com") },
  { name: "a requested wildcard meets a deny below it beside one that has ended", rules: { "domain:a.example.com": json({ effect: "deny", expiresAt: before }), "domain:b.example.com": "deny" }, op: newProxy("alice", "alice.web", ["*.example.com"]), is: denied("domain:b.example.com") },
  { name: "a requested wildcard meets a deny below it beside one that has not begun", rules: { "domain:a.example.com": json({ effect: "deny", notBefore: after }), "domain:b.example.com": "deny" }, op: newProxy("alice", "alice.web", ["*.example.com"]), is: denied("domain:b.example.com") },
  { name: "a requested wildcard meets a deny below it beside one for other ops", rules: { "domain:a.example.com": json({ effect: "deny", ops: ["Login"] }), "domain:b.example.com": "deny" }, op: newProxy("alice", "alice.web", ["*.example.com"]), is: denied("domain:b.example.com") },
  { name: "a domain that is none still meets the wildcard above it", rules: { "domain:*.example.com": "deny" }, op: newProxy("alice", "alice.web", ["a b.example.com"]), is: denied("domain:*.example.com") },

  // Own names.
  { name: "a named user's proxy without the user's prefix is refused", rules: {}, op: newProxy("alice", "ssh"), is: refused("own_names", null, "the proxy name does not belong to this user") },
  { name: "a named user's proxy with another user's prefix is refused", rules: {}, op: newProxy("alice", "bob.ssh"), is: refused("own_names", null) },
  { name: "a longer user name is another prefix", rules: {}, op: newProxy("alice", "alice2.ssh"), is: refused("own_names", null) },
  { name: "the user's name alone is no prefix", rules: {}, op: newProxy("alice", "alice"), is: refused("own_names", null) },
  { name: "the prefix of a user with dots is the whole name", rules: {}, op: newProxy("a.b", "a.b.ssh"), is: allowedByDefault },
  { name: "a part of a user name with dots is no prefix", rules: {}, op: newProxy("a.b", "a.ssh"), is: refused("own_names", null) },
  { name: "a proxy name may hold dots", rules: {}, op: newProxy("alice", "alice.web.v2"), is: allowedByDefault },
  { name: "an allow does not lend another user's name", rules: { "user:alice": "allow", "proxy:bob.ssh": "allow" }, op: newProxy("alice", "bob.ssh"), is: refused("own_names", null) },
  { name: "a connection to a proxy of a foreign name is refused", rules: {}, op: userConn("alice", "bob.ssh", "203.0.113.9:5"), is: refused("own_names", null) },
  { name: "an anonymous client may use any name that is nobody's", rules: { "user:bob": "allow" }, op: newProxy("", "alice.ssh"), is: allowedByDefault },
  { name: "an anonymous client may not use the prefix of a user who has a rule", rules: { "user:alice": "allow" }, op: newProxy("", "alice.ssh"), is: refused("own_names", null) },
  { name: "an anonymous client may not use the prefix of a user with dots", rules: { "user:a.b": "allow" }, op: newProxy("", "a.b.ssh"), is: refused("own_names", null) },
  { name: "a user whose rule cannot be read keeps the prefix", rules: { "user:alice": "?" }, op: newProxy("", "alice.ssh"), is: refused("own_names", null) },
  { name: "the rule of the anonymous user reserves no prefix", rules: { "user:": "allow" }, op: newProxy("", ".ssh"), is: allowed("user:") },
  { name: "a deny is reported before a foreign name", rules: { "node:edge-1": "deny" }, op: newProxy("alice", "bob.ssh"), is: denied("node:edge-1") },
  { name: "policy.ownNames false lets any name pass", rules: {}, op: newProxy("alice", "bob.ssh"), policy: { ownNames: false }, is: allowedByDefault },

  // Observe.
  { name: "observe mode allows what a deny would refuse", rules: { "user:alice": "deny gone" }, op: ping(), policy: observe, is: observed(null, "rule_deny", "user:alice") },
  { name: "observe mode allows what the default would refuse", rules: {}, op: ping(), policy: { ...observe, ...denyByDefault }, is: observed(null, "default_deny", null) },
  { name: "observe mode allows what cannot be read", rules: { "user:alice": "?" }, op: ping(), policy: observe, is: observed(null, "rule_unreadable", "user:alice") },
  { name: "observe mode allows a foreign name", rules: {}, op: newProxy("alice", "bob.ssh"), policy: observe, is: observed(null, "own_names", null) },
  { name: "observe mode allows while no policy is available", rules: {}, op: ping(), policy: { ...observe, available: false }, is: observed(null, "policy_unavailable", null) },
  { name: "observe mode names the grant beside the refusal", rules: { "user:alice": "allow", "op:Ping": "deny" }, op: ping(), policy: observe, is: observed("user:alice", "rule_deny", "op:Ping") },
  { name: "observe mode says nothing where nothing would refuse", rules: { "user:alice": "allow" }, op: ping(), policy: observe, is: allowed("user:alice") },
  { name: "a deny with enforce false only says what it would do", rules: { "user:alice": json({ effect: "deny", enforce: false }) }, op: ping(), is: observed(null, "rule_deny", "user:alice") },
  { name: "an enforced deny refuses beside one with enforce false", rules: { "user:alice": json({ effect: "deny", enforce: false }), "op:Ping": "deny" }, op: ping(), is: denied("op:Ping") },
  { name: "the default refuses beside a deny with enforce false", rules: { "user:alice": json({ effect: "deny", enforce: false }) }, op: ping(), policy: denyByDefault, is: refused("default_deny", null) },
  { name: "a default rule with enforce false decides, and allows", rules: { default: json({ effect: "deny", enforce: false }) }, op: ping(), policy: denyByDefault, is: observed(null, "default_deny", "default") },
  { name: "a default rule with enforce false decides beside another", rules: { default: json({ effect: "deny", enforce: false }), "user:alice": json({ effect: "deny", enforce: false }) }, op: ping(), policy: denyByDefault, is: observed(null, "rule_deny", "user:alice") },
  { name: "an ended allow with enforce false still grants", rules: { "user:alice": json({ expiresAt: before, enforce: false }) }, op: ping(), policy: denyByDefault, is: observed("user:alice", "access_ended", "user:alice") },

  // No policy, stale policy, ops that cannot be refused.
  { name: "before any policy is loaded everything is refused", rules: {}, op: ping(), policy: { available: false }, is: refused("policy_unavailable", null, "policy not available") },
  { name: "an unknown op is refused too while no policy is available", rules: {}, op: unknownOp(), policy: { available: false }, is: refused("policy_unavailable", null) },
  { name: "a stale policy refuses where it is told to", rules: { "user:alice": "allow" }, op: ping(), policy: { refuseAsStale: true }, is: refused("policy_stale", null) },
  { name: "an op that cannot be refused is recorded, whatever denies", rules: { "user:alice": "deny", "op:CloseProxy": "deny" }, op: { ...newProxy("alice", "alice.ssh"), name: "CloseProxy", refusable: false }, is: recorded },
  { name: "an op that cannot be refused is recorded without a policy", rules: {}, op: { ...ping(), name: "CloseUserConn", refusable: false }, policy: { available: false }, is: recorded },

  // Ops that nobody knows.
  { name: "an unknown op is allowed where the default denies", rules: { default: "deny" }, op: unknownOp(), policy: denyByDefault, is: allowedByDefault },
  { name: "an op rule refuses an unknown op", rules: { "op:NewThing": "deny" }, op: unknownOp(), is: denied("op:NewThing") },
  { name: "a node rule refuses an unknown op", rules: { "node:edge-1": "deny" }, op: unknownOp(), is: denied("node:edge-1") },
  { name: "a user rule refuses an unknown op", rules: { "user:alice": "deny" }, op: unknownOp({ user: "alice" }), is: denied("user:alice") },
  { name: "an ip rule refuses an unknown op", rules: { "ip:203.0.113.9": "deny" }, op: unknownOp({ remote: parseRemote("203.0.113.9:5") }), is: denied("ip:203.0.113.9") },
  { name: "a user rule that cannot be read refuses an unknown op", rules: { "user:alice": "?" }, op: unknownOp({ user: "alice" }), is: refused("rule_unreadable", "user:alice") },
  { name: "a proxy rule leaves an unknown op alone", rules: { "proxy:alice.ssh": "deny" }, op: unknownOp({ proxy: { name: "alice.ssh", type: null, domains: [], remotePort: null } }), is: allowedByDefault },
  { name: "a client rule leaves an unknown op alone", rules: { [`client:${aliceClient}`]: "deny" }, op: unknownOp({ client: aliceClient }), is: allowedByDefault },
  { name: "a domain rule leaves an unknown op alone", rules: { "domain:*": "deny" }, op: unknownOp({ proxy: { name: "alice.web", type: "http", domains: ["a.example.com"], remotePort: null } }), is: allowedByDefault },
  { name: "a foreign name does not refuse an unknown op", rules: {}, op: unknownOp({ user: "alice", proxy: { name: "bob.ssh", type: null, domains: [], remotePort: null } }), is: allowedByDefault },
];
