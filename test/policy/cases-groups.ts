/** Groups, and what rules set. */
import type { Op } from "../../src/op.ts";
import {
  after,
  aliceClient,
  allowed,
  allowedByDefault,
  before,
  type Case,
  denied,
  denyByDefault,
  json,
  observe,
  observed,
  ping,
  refused,
  unknownOp,
} from "./cases.ts";
import { wireLogin, wireProxy, wireUserConn } from "./wire-op.ts";

type Rules = Case["rules"];

const inGroups = (...groups: string[]): Rules => ({ "user:alice": json({ groups }) });
const lets = allowed("user:alice");
const missing = (key: string) => refused("group_missing", key, "a group of this user is missing");
const home = json({ clientFrom: ["198.51.100.0/24"] });
const away = json({ clientFrom: ["10.0.0.0/8"] });
const awayTried = json({ clientFrom: ["10.0.0.0/8"], enforce: false });
const login = wireLogin();

const limited = (value: string, mode = "server"): string =>
  json({ effect: "require", set: { NewProxy: { bandwidth_limit: value, bandwidth_limit_mode: mode } } });
const setting = (fields: Record<string, unknown>, more: Record<string, unknown> = {}): string =>
  json({ set: { NewProxy: fields }, ...more });
const proxy = wireProxy({});
const web = (...custom_domains: string[]): Op => wireProxy({ proxy_type: "http", custom_domains });

// biome-ignore format: a table is read by its lines
export const groupCases: readonly Case[] = [
  // Groups.
  { name: "a group whose conditions hold passes", rules: { ...inGroups("staff"), "group:staff": home }, op: login, is: lets },
  { name: "a group whose conditions fail refuses", rules: { ...inGroups("staff"), "group:staff": away }, op: login, is: refused("client_address", "group:staff") },
  { name: "of several groups one that holds is enough, the first", rules: { ...inGroups("a", "b"), "group:a": home, "group:b": away }, op: login, is: lets },
  { name: "of several groups one that holds is enough, the last", rules: { ...inGroups("a", "b"), "group:a": away, "group:b": home }, op: login, is: lets },
  { name: "of several groups that all fail the first listed is told", rules: { ...inGroups("b", "a"), "group:a": away, "group:b": away }, op: login, is: refused("client_address", "group:b") },
  { name: "a deny in any group refuses", rules: { ...inGroups("a", "b"), "group:a": home, "group:b": "deny gone" }, op: login, is: denied("group:b", "gone") },
  { name: "a deny in a group is told before another's failing condition", rules: { ...inGroups("a", "b"), "group:a": away, "group:b": "deny" }, op: login, is: denied("group:b") },
  { name: "a deny in a group holds against an allow of every scope", rules: { ...inGroups("a"), "group:a": "deny", "op:Login": "allow", "node:edge-1": "allow" }, op: login, is: denied("group:a") },
  { name: "a missing group refuses", rules: inGroups("staff"), op: login, is: missing("group:staff") },
  { name: "a missing group refuses at every op", rules: inGroups("staff"), op: wireUserConn(), is: missing("group:staff") },
  { name: "a missing group beside one that holds is not missed", rules: { ...inGroups("gone", "a"), "group:a": home }, op: login, is: lets },
  { name: "a missing group beside one that fails is told if it is listed first", rules: { ...inGroups("gone", "a"), "group:a": away }, op: login, is: missing("group:gone") },
  { name: "groups are told apart by case", rules: { ...inGroups("Staff"), "group:staff": "allow" }, op: login, is: missing("group:Staff") },
  { name: "a missing group of a rule that is not enforced is only told", rules: { "user:alice": json({ groups: ["gone"], enforce: false }) }, op: login, is: observed("user:alice", "group_missing", "group:gone") },
  { name: "a group that cannot be read refuses", rules: { ...inGroups("a"), "group:a": "alow" }, op: login, is: refused("rule_unreadable", "group:a") },
  { name: "a group that cannot be read refuses beside one that holds", rules: { ...inGroups("a", "b"), "group:a": "alow", "group:b": home }, op: login, is: refused("rule_unreadable", "group:a") },
  { name: "a group that names groups cannot be read: there is one level", rules: { ...inGroups("a"), "group:a": json({ groups: ["b"] }), "group:b": "allow" }, op: login, is: refused("rule_unreadable", "group:a") },
  { name: "a group that is tried out passes and tells what it would refuse", rules: { ...inGroups("a"), "group:a": awayTried }, op: login, is: observed("user:alice", "client_address", "group:a") },
  { name: "a group that is tried out tells nothing beside one that holds", rules: { ...inGroups("a", "b"), "group:a": awayTried, "group:b": home }, op: login, is: lets },
  { name: "a group that is tried out is enough beside one that fails", rules: { ...inGroups("a", "b"), "group:a": awayTried, "group:b": away }, op: login, is: observed("user:alice", "client_address", "group:a") },
  { name: "a deny in a group that is tried out is only told", rules: { ...inGroups("a"), "group:a": json({ effect: "deny", enforce: false }) }, op: login, is: observed("user:alice", "rule_deny", "group:a") },
  { name: "a group for other ops asks nothing", rules: { ...inGroups("a"), "group:a": json({ ops: ["Ping"], clientFrom: ["10.0.0.0/8"] }) }, op: login, is: lets },
  { name: "a group for other ops does not stand in for one that fails", rules: { ...inGroups("a", "b"), "group:a": json({ ops: ["Ping"] }), "group:b": away }, op: login, is: refused("client_address", "group:b") },
  { name: "a deny in a group for other ops drops out", rules: { ...inGroups("a"), "group:a": json({ effect: "deny", ops: ["Ping"] }) }, op: login, is: lets },
  { name: "a group that has not begun asks nothing", rules: { ...inGroups("a"), "group:a": json({ clientFrom: ["10.0.0.0/8"], notBefore: after }) }, op: login, is: lets },
  { name: "a require of a group that has ended drops out", rules: { ...inGroups("a"), "group:a": json({ clientFrom: ["10.0.0.0/8"], expiresAt: before }) }, op: login, is: lets },
  { name: "an allow of a group that has ended refuses", rules: { ...inGroups("a"), "group:a": json({ effect: "allow", expiresAt: before }) }, op: login, is: refused("access_ended", "group:a") },
  { name: "a group's rule is of no concern to who is not in it", rules: { "group:a": "deny", "user:alice": "allow" }, op: login, is: lets },
  { name: "a group grants nothing where it doesn't say allow", rules: { "user:alice": json({ effect: "require", groups: ["a"] }), "group:a": home }, op: login, policy: denyByDefault, is: refused("default_deny", null) },
  { name: "a group that says allow grants", rules: { "user:alice": json({ effect: "require", groups: ["a"] }), "group:a": "allow" }, op: login, policy: denyByDefault, is: allowed("group:a") },
  { name: "a group that says allow grants only if its conditions hold", rules: { "user:alice": json({ effect: "require", groups: ["a", "b"] }), "group:a": json({ effect: "allow", clientFrom: ["10.0.0.0/8"] }), "group:b": home }, op: login, policy: denyByDefault, is: refused("default_deny", null) },
  { name: "a group's grant is told after the user's and before the node's", rules: { "user:alice": json({ effect: "require", groups: ["a"] }), "group:a": "allow", "node:edge-1": "allow" }, op: login, is: allowed("group:a") },
  { name: "a user's refusal is told before a group's", rules: { "user:alice": json({ groups: ["a"], clientFrom: ["10.0.0.0/8"] }), "group:a": "deny" }, op: login, is: refused("client_address", "user:alice") },
  { name: "a group's refusal is told before an address's", rules: { ...inGroups("a"), "group:a": "deny", "ip:198.51.100.7": "deny" }, op: login, is: denied("group:a") },
  { name: "groups of a user rule for other ops are not asked", rules: { "user:alice": json({ groups: ["gone"], ops: ["Ping"] }) }, op: login, is: allowedByDefault },
  { name: "groups of a user rule that has not begun are not asked", rules: { "user:alice": json({ groups: ["gone"], notBefore: after }) }, op: login, is: allowedByDefault },
  { name: "groups are asked at an unknown op too", rules: { ...inGroups("a"), "group:a": "deny" }, op: unknownOp({ user: "alice" }), is: denied("group:a") },
  { name: "groups on a rule that is no user's make it unreadable", rules: { "node:edge-1": json({ groups: ["a"] }) }, op: login, is: refused("rule_unreadable", "node:edge-1") },
  { name: "observe mode allows while a group is missing", rules: inGroups("gone"), op: login, policy: observe, is: observed("user:alice", "group_missing", "group:gone") },

  // What rules set.
  { name: "a rule that grants sets its fields", rules: { "user:alice": setting({ use_encryption: true }) }, op: proxy, is: { ...lets, set: { use_encryption: true } } },
  { name: "a rule sets fields of that op only", rules: { "user:alice": setting({ use_encryption: true }) }, op: ping(), is: lets },
  { name: "a require sets its fields without granting", rules: { "node:edge-1": limited("1MB") }, op: proxy, is: { ...allowedByDefault, set: { bandwidth_limit: "1MB", bandwidth_limit_mode: "server" } } },
  { name: "of two rules the more specific sets a field, and the other the rest", rules: { "user:alice": setting({ bandwidth_limit: "8MB" }), "node:edge-1": limited("1MB") }, op: proxy, is: { ...lets, set: { bandwidth_limit: "8MB", bandwidth_limit_mode: "server" } } },
  { name: "a proxy's rule sets before its user's, a group's and a node's", rules: { "proxy:alice.web": setting({ group: "p" }), "user:alice": setting({ group: "u", sk: "u" }, { groups: ["g"] }), "group:g": setting({ sk: "g", group_key: "g" }), "node:edge-1": setting({ group_key: "n", http_user: "n" }), "op:NewProxy": setting({ http_user: "o", http_pwd: "o" }) }, op: proxy, is: { ...allowed("proxy:alice.web"), set: { group: "p", sk: "u", group_key: "g", http_user: "n", http_pwd: "o" } } },
  { name: "a field that holds an object is set whole", rules: { "user:alice": setting({ headers: { a: "1" } }), "node:edge-1": setting({ headers: { b: "2" } }) }, op: proxy, is: { ...lets, set: { headers: { a: "1" } } } },
  { name: "of two groups that hold the first listed sets", rules: { ...inGroups("a", "b"), "group:a": setting({ group: "a" }), "group:b": setting({ group: "b", sk: "b" }) }, op: proxy, is: { ...lets, set: { group: "a", sk: "b" } } },
  { name: "a group that fails beside one that holds sets nothing", rules: { ...inGroups("a", "b"), "group:a": setting({ group: "a" }, { proxies: { types: ["http"] } }), "group:b": setting({ sk: "b" }) }, op: proxy, is: { ...lets, set: { sk: "b" } } },
  { name: "a refused op is not changed", rules: { "user:alice": setting({ group: "u" }), "op:NewProxy": "deny" }, op: proxy, is: denied("op:NewProxy") },
  { name: "an op refused by default is not changed", rules: { "node:edge-1": setting({ group: "u" }) }, op: proxy, policy: denyByDefault, is: refused("default_deny", null) },
  { name: "a rule whose condition fails changes nothing", rules: { "user:alice": setting({ group: "u" }, { proxies: { types: ["http"] } }) }, op: proxy, is: refused("proxy_type", "user:alice") },
  { name: "a rule for other ops sets nothing", rules: { "user:alice": setting({ group: "u" }, { ops: ["Login"] }) }, op: proxy, is: allowedByDefault },
  { name: "a rule that has not begun sets nothing", rules: { "user:alice": setting({ group: "u" }, { notBefore: after }) }, op: proxy, is: allowedByDefault },
  { name: "a require that has ended sets nothing", rules: { "node:edge-1": setting({ group: "u" }, { expiresAt: before }) }, op: proxy, is: allowedByDefault },
  { name: "a rule that is tried out sets as if it held", rules: { "user:alice": setting({ group: "u" }, { proxies: { types: ["http"] }, enforce: false }) }, op: proxy, is: { ...observed("user:alice", "proxy_type", "user:alice"), set: { group: "u" } } },
  { name: "observe mode sets what enforced rules that hold would set", rules: { "user:alice": setting({ group: "u" }) }, op: proxy, policy: observe, is: { ...lets, set: { group: "u" } } },
  { name: "observe mode sets nothing of a rule that would refuse", rules: { "user:alice": setting({ group: "u" }, { proxies: { types: ["http"] } }) }, op: proxy, policy: observe, is: observed(null, "proxy_type", "user:alice") },
  { name: "a domain's rule sets for who asks for it", rules: { "domain:*.example.com": setting({ use_compression: true }) }, op: web("a.example.com"), is: { ...allowedByDefault, set: { use_compression: true } } },
  { name: "a rule for a part of a requested wildcard sets nothing", rules: { "domain:a.example.com": setting({ use_compression: true }) }, op: web("*.example.com"), is: allowedByDefault },
  { name: "a client's rule sets at Ping", rules: { [`client:${aliceClient}`]: json({ set: { Ping: { timestamp: 1 } } }) }, op: ping(), is: { ...allowed(`client:${aliceClient}`), set: { timestamp: 1 } } },
  { name: "metas are set at Login", rules: { "user:alice": json({ set: { Login: { metas: { team: "a" }, pool_count: 0 } } }) }, op: login, is: { ...lets, set: { metas: { team: "a" }, pool_count: 0 } } },
  { name: "an unknown op named like what every object has is not changed", rules: { "user:alice": setting({ group: "u" }) }, op: unknownOp({ name: "constructor", user: "alice" }), is: lets },
];
