/** Conditions of whoever asks: tokens, addresses, hours and limits. */
import { hash } from "node:crypto";
import type { Op } from "../../src/op.ts";
import type { ConnectionCounts, Facts } from "../../src/policy/facts.ts";
import {
  aliceClient,
  allowed,
  allowedByDefault,
  type Case,
  denied,
  denyByDefault,
  facts,
  json,
  login,
  newProxy,
  observe,
  observed,
  ping,
  refused,
  unknownOp,
  userConn,
} from "./cases.ts";
import { userOf, wireLogin, wireOp, wireProxy, wireUserConn } from "./wire-op.ts";

type Rules = Case["rules"];

const alice = (fields: Record<string, unknown>): Rules => ({ "user:alice": json(fields) });
const hashOf = (token: string): string => `sha256:${hash("sha256", token)}`;
const token = alice({ tokens: [hashOf("s3cret")] });
const tokens = alice({ tokens: [hashOf("old"), hashOf("new").toUpperCase().replace("SHA", "sha")] });
const bring = (op: Op, metas: Op["metas"]): Op => ({ ...op, metas });
const wrongToken = refused("token_rejected", "user:alice", "token missing or wrong");
const lets = allowed("user:alice");

const home = alice({ clientFrom: ["198.51.100.0/24", "2001:db8::/32"] });
const visitors = alice({ visitorFrom: ["203.0.113.0/24", "2001:db8::/32"] });
const notHome = refused("client_address", "user:alice", "not from this address");
const notVisitor = refused("visitor_address", "user:alice", "visitors may not come from this address");
const prox = (name: string, fields: Partial<Op>): Op => ({
  ...ping(),
  protocol: "prox",
  name,
  user: null,
  client: null,
  ...fields,
});

const inside = (...windows: string[]): Rules => alice({ hours: { zone: "Europe/Berlin", windows } });
const at = (moment: string): Partial<Facts> => ({ nowMs: Date.parse(moment) });
const tooLate = refused("outside_hours", "user:alice", "not at this hour");

/** Counts are asked for exactly this subject, else they are far above every limit. */
function counting(
  by: string,
  id: string,
  counts: Partial<Record<"open" | "begun" | "logins", number>>,
  ends = true,
): Partial<Facts> {
  const of = (what: keyof typeof counts) => (askedBy: string, askedId: string) =>
    askedBy === by && askedId === id ? (counts[what] ?? 0) : 1e9;
  const connections: ConnectionCounts = {
    open: of("open"),
    begun: of("begun"),
    logins: of("logins"),
    endsAnnounced: () => ends,
  };
  return { connections };
}
const limit = (limits: Record<string, number>): Rules => alice({ limits });

// biome-ignore format: a table is read by its lines
export const conditionCases: readonly Case[] = [
  // Tokens.
  { name: "a client with the token passes at Ping", rules: token, op: bring(ping(), { token: "s3cret" }), is: lets },
  { name: "a client with the token passes at Login", rules: token, op: wireLogin({ metas: { token: "s3cret" } }), is: lets },
  { name: "a client with the token passes at NewProxy", rules: token, op: wireProxy({ user: userOf("alice", { token: "s3cret" }) }), is: lets },
  { name: "a client with the token passes at NewWorkConn", rules: token, op: wireOp("NewWorkConn", { user: userOf("alice", { token: "s3cret" }), run_id: "r" }), is: lets },
  { name: "a client with the token passes at NewUserConn", rules: token, op: wireUserConn({ user: userOf("alice", { token: "s3cret" }) }), is: lets },
  { name: "a wrong token is refused at Login", rules: token, op: wireLogin({ metas: { token: "S3cret" } }), is: wrongToken },
  { name: "a wrong token is refused at NewProxy", rules: token, op: wireProxy({ user: userOf("alice", { token: "no" }) }), is: wrongToken },
  { name: "a wrong token is refused at NewWorkConn", rules: token, op: wireOp("NewWorkConn", { user: userOf("alice", { token: "no" }), run_id: "r" }), is: wrongToken },
  { name: "a wrong token is refused at NewUserConn", rules: token, op: wireUserConn({ user: userOf("alice", { token: "no" }) }), is: wrongToken },
  { name: "a wrong token is refused at an unknown op", rules: token, op: unknownOp({ user: "alice", metas: { token: "no" } }), is: wrongToken },
  { name: "no metas is no token", rules: token, op: ping(), is: wrongToken },
  { name: "empty metas are no token", rules: token, op: bring(ping(), {}), is: wrongToken },
  { name: "an empty token is no token, not even where its hash is listed", rules: alice({ tokens: [hashOf("")] }), op: bring(ping(), { token: "" }), is: wrongToken },
  { name: "a token that is no text is no token", rules: alice({ tokens: [hashOf("7")] }), op: bring(ping(), { token: 7 }), is: wrongToken },
  { name: "a token under another name is no token", rules: token, op: bring(ping(), { Token: "s3cret" }), is: wrongToken },
  { name: "policy.tokenMeta names where the token is", rules: token, op: bring(ping(), { pass: "s3cret", token: "no" }), facts: { tokenMeta: "pass" }, is: lets },
  { name: "what every object has is no token", rules: token, op: bring(ping(), {}), facts: { tokenMeta: "constructor" }, is: wrongToken },
  { name: "the hash itself is no token", rules: token, op: bring(ping(), { token: hashOf("s3cret") }), is: wrongToken },
  { name: "the metas of a proxy are not those of its client", rules: token, op: wireProxy({ metas: { token: "s3cret" } }), is: wrongToken },
  { name: "the metas of a proxy without a user are nobody's", rules: { "op:NewProxy": json({ tokens: [hashOf("s3cret")] }) }, op: wireOp("NewProxy", { proxy_name: "x", metas: { token: "s3cret" } }), is: refused("token_rejected", "op:NewProxy") },
  { name: "while tokens are rotated the old one passes", rules: tokens, op: bring(ping(), { token: "old" }), is: lets },
  { name: "while tokens are rotated the new one passes", rules: tokens, op: bring(ping(), { token: "new" }), is: lets },
  { name: "while tokens are rotated no other passes", rules: tokens, op: bring(ping(), { token: "older" }), is: wrongToken },
  { name: "a token is not asked for at CloseProxy", rules: token, op: wireOp("CloseProxy", { user: userOf("alice"), proxy_name: "alice.web" }), is: { effect: "recorded", code: "not_refusable", rule: null } },
  { name: "a token is not asked for at an op of prox, which brings none", rules: { "op:on_connect": json({ effect: "allow", tokens: [hashOf("s3cret")] }) }, op: prox("on_connect", {}), is: allowed("op:on_connect") },
  { name: "a token of an allow on a proxy is asked for", rules: { "proxy:alice.web": json({ tokens: [hashOf("s3cret")] }) }, op: wireProxy({}), is: refused("token_rejected", "proxy:alice.web") },
  { name: "a token of an allow on a client is asked for", rules: { [`client:${aliceClient}`]: json({ tokens: [hashOf("s3cret")] }) }, op: ping(), is: refused("token_rejected", `client:${aliceClient}`) },
  { name: "a token of a require on a node is asked for", rules: { "node:edge-1": json({ tokens: [hashOf("s3cret")] }), "user:alice": "allow" }, op: ping(), is: refused("token_rejected", "node:edge-1") },
  { name: "a token of a require on an op is asked for", rules: { "op:Ping": json({ tokens: [hashOf("s3cret")] }), "user:alice": "allow" }, op: ping(), is: refused("token_rejected", "op:Ping") },
  { name: "a token of a require on an address is asked for", rules: { "ip:198.51.100.0/24": json({ tokens: [hashOf("s3cret")] }), "user:alice": "allow" }, op: login("alice"), is: refused("token_rejected", "ip:198.51.100.0/24") },
  { name: "a token of a require on a domain is asked for", rules: { "domain:*.example.com": json({ tokens: [hashOf("s3cret")] }), "user:alice": "allow" }, op: newProxy("alice", "alice.web", ["a.example.com"]), is: refused("token_rejected", "domain:*.example.com") },
  { name: "a require that is met grants nothing", rules: { "node:edge-1": json({ tokens: [hashOf("s3cret")] }) }, op: bring(ping(), { token: "s3cret" }), policy: denyByDefault, is: refused("default_deny", null) },

  // Where a client comes from.
  { name: "a client from a listed network passes", rules: home, op: wireLogin(), is: lets },
  { name: "a client from elsewhere is refused", rules: home, op: wireLogin({ client_address: "198.51.101.7:1" }), is: notHome },
  { name: "a client from a listed IPv6 network passes", rules: home, op: wireLogin({ client_address: "[2001:db8:1::5]:1" }), is: lets },
  { name: "a client from another IPv6 network is refused", rules: home, op: wireLogin({ client_address: "[2001:db9::5]:1" }), is: notHome },
  { name: "an IPv4-mapped client address is the IPv4 address, inside", rules: home, op: wireLogin({ client_address: "[::ffff:198.51.100.9]:1" }), is: lets },
  { name: "an IPv4-mapped client address is the IPv4 address, outside", rules: home, op: wireLogin({ client_address: "[::ffff:198.51.101.9]:1" }), is: notHome },
  { name: "an IPv4-mapped network is the IPv4 network", rules: alice({ clientFrom: ["::ffff:198.51.100.0/120"] }), op: wireLogin(), is: lets },
  { name: "::/0 lets no IPv4 client in", rules: alice({ clientFrom: ["::/0"] }), op: wireLogin(), is: notHome },
  { name: "0.0.0.0/0 lets no IPv6 client in", rules: alice({ clientFrom: ["0.0.0.0/0"] }), op: wireLogin({ client_address: "[2001:db8::5]:1" }), is: notHome },
  { name: "a single listed address lets in just that one", rules: alice({ clientFrom: ["198.51.100.8"] }), op: wireLogin(), is: notHome },
  { name: "a client without an address is refused", rules: alice({ clientFrom: ["0.0.0.0/0", "::/0"] }), op: wireLogin({ client_address: "pipe" }), is: notHome },
  { name: "an absent client address is refused", rules: alice({ clientFrom: ["0.0.0.0/0", "::/0"] }), op: wireOp("Login", { user: "alice" }), is: notHome },
  { name: "a client address without a port is read", rules: home, op: wireLogin({ client_address: "198.51.100.7" }), is: lets },
  { name: "a client's address is not asked at Ping", rules: home, op: ping(), is: lets },
  { name: "a client's address is not asked at NewProxy", rules: home, op: wireProxy({}), is: lets },
  { name: "a client's address is not asked at NewUserConn, which tells the visitor's", rules: home, op: wireUserConn(), is: lets },
  { name: "clientFrom on a node is asked of every user", rules: { "node:edge-1": json({ clientFrom: ["10.0.0.0/8"] }), "user:alice": "allow" }, op: wireLogin(), is: refused("client_address", "node:edge-1") },
  { name: "clientFrom on a proxy cannot be read, since it would never be asked", rules: { "proxy:alice.web": json({ clientFrom: ["10.0.0.0/8"] }) }, op: wireProxy({}), is: refused("rule_unreadable", "proxy:alice.web") },

  // Where a visitor comes from.
  { name: "a visitor from a listed network passes", rules: visitors, op: wireUserConn(), is: lets },
  { name: "a visitor from elsewhere is refused", rules: visitors, op: wireUserConn({ remote_addr: "203.0.114.9:5" }), is: notVisitor },
  { name: "an IPv4-mapped visitor is the IPv4 one", rules: visitors, op: wireUserConn({ remote_addr: "[::ffff:203.0.113.9]:5" }), is: lets },
  { name: "a visitor without an address is refused", rules: alice({ visitorFrom: ["0.0.0.0/0", "::/0"] }), op: wireUserConn({ remote_addr: "pipe" }), is: notVisitor },
  { name: "an empty visitor address is refused", rules: alice({ visitorFrom: ["0.0.0.0/0", "::/0"] }), op: wireUserConn({ remote_addr: "" }), is: notVisitor },
  { name: "an absent visitor address is refused", rules: visitors, op: wireOp("NewUserConn", { user: userOf("alice"), proxy_name: "alice.web" }), is: notVisitor },
  { name: "a visitor's address is not asked at Login, which tells the client's", rules: visitors, op: wireLogin(), is: lets },
  { name: "a visitor's address is not asked at NewProxy", rules: visitors, op: wireProxy({}), is: lets },
  { name: "a visitor's address is asked at on_connect", rules: { "op:on_connect": json({ visitorFrom: ["203.0.113.0/24"] }) }, op: prox("on_connect", { remote: { ip: "192.0.2.1", port: 1 } }), is: refused("visitor_address", "op:on_connect") },
  { name: "a visitor's address is asked at on_request", rules: { "op:on_request": json({ visitorFrom: ["203.0.113.0/24"] }) }, op: prox("on_request", { remote: null }), is: refused("visitor_address", "op:on_request") },
  { name: "visitorFrom on a proxy is asked", rules: { "proxy:alice.web": json({ visitorFrom: ["10.0.0.0/8"] }), "user:alice": "allow" }, op: wireUserConn(), is: refused("visitor_address", "proxy:alice.web") },

  // Hours. 2026-06-01 is a Monday; Berlin is two hours ahead of UTC.
  { name: "within a window an op passes", rules: inside("mon 14:00-15:00"), op: ping(), is: lets },
  { name: "a window holds its first minute", rules: inside("mon 13:59-14:00", "mon 14:00-14:01"), op: ping(), is: lets },
  { name: "a window does not hold the minute that it ends with", rules: inside("mon 13:00-14:00"), op: ping(), is: tooLate },
  { name: "a window holds its last minute to the end", rules: inside("mon 13:00-14:00"), op: ping(), facts: at("2026-06-01T11:59:59.999Z"), is: lets },
  { name: "a window of another day does not count", rules: inside("tue-sun 00:00-24:00"), op: ping(), is: tooLate },
  { name: "a window is in the time of its zone, not in UTC", rules: inside("mon 12:00-13:00"), op: ping(), is: tooLate },
  { name: "in winter the same window is another hour of UTC", rules: inside("mon 13:00-14:00"), op: ping(), facts: at("2026-01-05T12:00:00Z"), is: lets },
  { name: "a window over midnight holds its evening", rules: inside("mon 22:00-06:00"), op: ping(), facts: at("2026-06-01T21:00:00Z"), is: lets },
  { name: "a window over midnight holds the next morning", rules: inside("mon 22:00-06:00"), op: ping(), facts: at("2026-06-02T03:59:00Z"), is: lets },
  { name: "a window over midnight does not hold its own morning", rules: inside("mon 22:00-06:00"), op: ping(), facts: at("2026-06-01T01:00:00Z"), is: tooLate },
  { name: "a window over the week's end holds Monday's morning", rules: inside("sun 22:00-06:00"), op: ping(), facts: at("2026-06-01T01:00:00Z"), is: lets },
  { name: "a window over the week's end ends", rules: inside("sun 22:00-06:00"), op: ping(), facts: at("2026-06-01T04:00:00Z"), is: tooLate },
  { name: "a range of days may go over the week's end", rules: inside("sat-mon 14:00-15:00"), op: ping(), is: lets },
  { name: "days may be listed", rules: inside("wed,mon 14:00-15:00"), op: ping(), is: lets },
  { name: "a window may end at 24:00", rules: inside("mon 14:00-24:00"), op: ping(), facts: at("2026-06-01T21:59:00Z"), is: lets },
  { name: "an hour that the clock skips is never reached", rules: inside("sun 02:00-03:00"), op: ping(), facts: at("2026-03-29T01:00:00Z"), is: tooLate },
  { name: "an hour that the clock repeats is met the first time", rules: inside("sun 02:00-03:00"), op: ping(), facts: at("2026-10-25T00:30:00Z"), is: lets },
  { name: "an hour that the clock repeats is met the second time", rules: inside("sun 02:00-03:00"), op: ping(), facts: at("2026-10-25T01:30:00Z"), is: lets },
  { name: "hours are asked at Login", rules: inside("tue 00:00-24:00"), op: wireLogin(), is: tooLate },
  { name: "hours are asked at NewProxy", rules: inside("tue 00:00-24:00"), op: wireProxy({}), is: tooLate },
  { name: "hours are asked at NewWorkConn", rules: inside("tue 00:00-24:00"), op: { ...ping(), name: "NewWorkConn" }, is: tooLate },
  { name: "hours are asked at NewUserConn", rules: inside("tue 00:00-24:00"), op: wireUserConn(), is: tooLate },
  { name: "hours are asked at an unknown op", rules: inside("tue 00:00-24:00"), op: unknownOp({ user: "alice" }), is: tooLate },
  { name: "hours are asked at an op of prox", rules: { "op:on_request": json({ hours: { zone: "UTC", windows: ["tue 00:00-24:00"] } }) }, op: prox("on_request", {}), is: refused("outside_hours", "op:on_request") },
  { name: "hours that are only tried out grant as if they held", rules: alice({ hours: { zone: "UTC", windows: ["tue 00:00-24:00"] }, enforce: false }), op: ping(), policy: denyByDefault, is: observed("user:alice", "outside_hours", "user:alice") },
  { name: "observe mode allows at the wrong hour", rules: inside("tue 00:00-24:00"), op: ping(), policy: observe, is: observed(null, "outside_hours", "user:alice") },

  // Limits.
  { name: "a login below the limit passes", rules: limit({ loginsPerMinute: 3 }), op: wireLogin(), facts: counting("user", "alice", { logins: 2 }), is: lets },
  { name: "a login at the limit is refused", rules: limit({ loginsPerMinute: 3 }), op: wireLogin(), facts: counting("user", "alice", { logins: 3 }), is: refused("too_many_logins", "user:alice", "too many logins in a short time") },
  { name: "a limit of no logins refuses the first", rules: limit({ loginsPerMinute: 0 }), op: wireLogin(), is: refused("too_many_logins", "user:alice") },
  { name: "logins are not counted at Ping", rules: limit({ loginsPerMinute: 0 }), op: ping(), is: lets },
  { name: "logins of an address are counted", rules: { "ip:198.51.100.0/24": json({ limits: { loginsPerMinute: 3 } }) }, op: login("alice"), facts: counting("ip", "198.51.100.7", { logins: 3 }), is: refused("too_many_logins", "ip:198.51.100.0/24") },
  { name: "logins of IPv6 are counted per /64", rules: { "ip:::/0": json({ limits: { loginsPerMinute: 3 } }) }, op: login("alice", "[2001:db8::1:2:3:4]:5"), facts: counting("ip", "2001:db8::/64", { logins: 2 }), is: allowedByDefault },
  { name: "logins of the anonymous user are counted", rules: { "user:": json({ limits: { loginsPerMinute: 3 } }) }, op: login(""), facts: counting("user", "", { logins: 3 }), is: refused("too_many_logins", "user:") },
  { name: "logins on a proxy rule cannot be read, since they would never be asked", rules: { "proxy:alice.web": json({ limits: { loginsPerMinute: 3 } }) }, op: wireProxy({}), is: refused("rule_unreadable", "proxy:alice.web") },
  { name: "a connection at the limit is refused", rules: limit({ connections: 2 }), op: wireUserConn(), facts: counting("user", "alice", { open: 2 }), is: refused("too_many_connections", "user:alice", "too many connections") },
  { name: "a connection below the limit passes", rules: limit({ connections: 2 }), op: wireUserConn(), facts: counting("user", "alice", { open: 1 }), is: lets },
  { name: "open connections limit nobody where their ends are not told", rules: limit({ connections: 0 }), op: wireUserConn(), facts: counting("user", "alice", { open: 9 }, false), is: lets },
  { name: "connections of a proxy are counted", rules: { "proxy:alice.web": json({ limits: { connections: 2 } }) }, op: wireUserConn(), facts: counting("proxy", "alice.web", { open: 2 }), is: refused("too_many_connections", "proxy:alice.web") },
  { name: "new connections at the limit are refused", rules: limit({ connectionsPerMinute: 2 }), op: wireUserConn(), facts: counting("user", "alice", { begun: 2 }), is: refused("too_many_new_connections", "user:alice", "too many connections in a short time") },
  { name: "connections are not counted at Login", rules: limit({ connections: 0, connectionsPerMinute: 0 }), op: wireLogin(), is: lets },
  { name: "connections are not counted at NewProxy", rules: limit({ connections: 0, connectionsPerMinute: 0 }), op: wireProxy({}), is: lets },

  // Which condition is told, and denies beside them.
  { name: "the condition that is asked first is told first", rules: alice({ hours: { zone: "UTC", windows: ["tue 00:00-24:00"] }, clientFrom: ["10.0.0.0/8"], tokens: [hashOf("s3cret")] }), op: wireLogin(), is: wrongToken },
  { name: "all conditions of a rule must hold", rules: alice({ clientFrom: ["10.0.0.0/8"], tokens: [hashOf("s3cret")] }), op: wireLogin({ metas: { token: "s3cret" } }), is: notHome },
  { name: "an allow that has ended says so before its conditions", rules: alice({ tokens: [hashOf("s3cret")], expiresAt: "2026-05-31T00:00:00Z" }), op: ping(), is: refused("access_ended", "user:alice") },
  { name: "a deny holds against conditions that are met", rules: { ...token, "op:Ping": "deny" }, op: bring(ping(), { token: "s3cret" }), is: denied("op:Ping") },
  { name: "a failing condition of a more specific rule is told before a deny", rules: { ...token, "op:Ping": "deny" }, op: ping(), is: wrongToken },
  { name: "an allow of another scope does not make up for a failing condition", rules: { ...token, "op:Ping": "allow", "node:edge-1": "allow" }, op: ping(), is: wrongToken },
  { name: "a rule for other ops asks nothing", rules: alice({ tokens: [hashOf("s3cret")], ops: ["Login"] }), op: ping(), is: allowedByDefault },
  { name: "a rule that has not begun asks nothing", rules: alice({ tokens: [hashOf("s3cret")], notBefore: "2026-06-02T00:00:00Z" }), op: ping(), is: allowedByDefault },
  { name: "conditions of a rule of another user are not asked", rules: token, op: userConn("bob", "bob.web", "pipe"), facts, is: allowedByDefault },
];
