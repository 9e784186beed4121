/** Bans: what stands under `ban:`, written by the bridge or by hand. */
import {
  after,
  allowed,
  allowedByDefault,
  before,
  type Case,
  denied,
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

const ban = "ban:198.51.100.7";
const here = login("alice", "198.51.100.7:40000");
const visitor = userConn("alice", "alice.ssh", "198.51.100.7:50000");
const banned = (key = ban, reason?: string) => refused("banned", key, reason);

// biome-ignore format: a table is read by its lines
export const banCases: readonly Case[] = [
  { name: "a banned address may not log in", rules: { [ban]: "deny" }, op: here, is: banned() },
  { name: "a ban tells its reason", rules: { [ban]: "deny too often wrong" }, op: here, is: banned(ban, "too often wrong") },
  { name: "a ban in JSON denies without saying so", rules: { [ban]: json({ reason: "x", by: "i_1", note: "y" }) }, op: here, is: banned(ban, "x") },
  { name: "a banned address may not connect as a visitor", rules: { [ban]: "deny" }, op: visitor, is: banned() },
  { name: "a ban leaves other addresses alone", rules: { [ban]: "deny" }, op: login("alice", "198.51.100.8:1"), is: allowedByDefault },
  { name: "a ban of a network holds for each of its addresses", rules: { "ban:198.51.100.0/24": "deny" }, op: here, is: banned("ban:198.51.100.0/24") },
  { name: "a ban of a /64 holds for each of its addresses", rules: { "ban:2001:db8::/64": "deny" }, op: login("alice", "[2001:db8::1]:1"), is: banned("ban:2001:db8::/64") },
  { name: "a ban holds against an allow of exactly that address", rules: { [ban]: "deny", "ip:198.51.100.7": "allow" }, op: here, is: banned() },
  { name: "a ban holds against an allow of the user", rules: { [ban]: "deny", "user:alice": "allow" }, op: here, is: banned() },
  { name: "a ban is told before a deny of the user", rules: { [ban]: "deny", "user:alice": "deny" }, op: here, is: banned() },
  { name: "who is banned does not learn that the token is wrong", rules: { [ban]: "deny", "user:alice": json({ tokens: [`sha256:${"0".repeat(64)}`] }) }, op: here, is: banned() },
  { name: "a ban does not hide a deny of a wider network", rules: { [ban]: json({ enforce: false }), "ip:198.51.100.0/24": "deny" }, op: here, is: denied("ip:198.51.100.0/24") },
  { name: "an ended ban is over", rules: { [ban]: json({ expiresAt: before }) }, op: here, is: allowedByDefault },
  { name: "a ban that has not begun bans nobody yet", rules: { [ban]: json({ notBefore: after }) }, op: here, is: allowedByDefault },
  { name: "a ban is not asked at an op without an address", rules: { [ban]: "deny" }, op: ping(), is: allowedByDefault },
  { name: "a ban is not asked at NewProxy, which tells no address", rules: { [ban]: "deny" }, op: newProxy("alice", "alice.ssh"), is: allowedByDefault },
  { name: "a ban holds at ops that nobody knows", rules: { [ban]: "deny" }, op: unknownOp({ remote: { ip: "198.51.100.7", port: 1 } }), is: banned() },
  { name: "a ban that is tried out is only recorded", rules: { [ban]: json({ enforce: false }), "user:alice": "allow" }, op: here, is: observed("user:alice", "banned", ban) },
  { name: "in observe mode a ban is only recorded", rules: { [ban]: "deny" }, op: here, policy: observe, is: observed(null, "banned", ban) },
  { name: "an allow under ban cannot be read, and refuses", rules: { [ban]: "allow" }, op: here, is: refused("rule_unreadable", ban) },
  { name: "an allow in JSON under ban cannot be read, and refuses", rules: { [ban]: json({ effect: "allow" }) }, op: here, is: refused("rule_unreadable", ban) },
  { name: "a ban takes no conditions", rules: { [ban]: json({ clientFrom: ["198.51.100.0/24"] }) }, op: here, is: refused("rule_unreadable", ban) },
  { name: "a ban of what is no address covers nothing", rules: { "ban:198.51.100": "deny", "user:alice": "allow" }, op: here, is: allowed("user:alice") },
];
