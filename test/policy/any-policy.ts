/** Rule sets and ops of all kinds, few enough in names and addresses that they meet. */
import fc from "fast-check";
import type { Op } from "../../src/op.ts";
import { asked } from "../prox/asked.ts";
import { login, newProxy, ping, unknownOp, userConn } from "./cases.ts";

const users = ["", "alice", "bob", "a.b"];
const domains = [
  "a.example.com",
  "b.a.example.com",
  "*.example.com",
  "*.a.example.com",
  "example.com",
  "*",
  "org",
];
const addresses = ["198.51.100.7:1", "198.51.100.8:1", "[2001:db8::1]:1", "[::ffff:198.51.100.7]:1", "pipe"];

export const anyOp: fc.Arbitrary<Op> = fc.oneof(
  fc
    .tuple(fc.constantFrom(...users), fc.constantFrom(...addresses))
    .map(([user, address]) => login(user, address)),
  fc.constantFrom(...users).map((user) => ping(user)),
  fc
    .tuple(fc.constantFrom(...users), fc.constantFrom("alice.ssh", "bob.ssh", "x"), fc.subarray(domains))
    .map(([user, name, asked]) => newProxy(user, name, asked)),
  fc
    .tuple(fc.constantFrom(...users), fc.constantFrom("alice.ssh", "x"), fc.constantFrom(...addresses))
    .map(([user, name, address]) => userConn(user, name, address)),
  fc.constantFrom(...users).map((user) => unknownOp({ user })),
  fc
    .tuple(
      fc.constantFrom("on_request", "on_connect"),
      fc.record({
        r: fc.constantFrom("web:0", "web:1"),
        d: fc.constantFrom("a.example.com", "example.com"),
        a: fc.constantFrom(...addresses),
      }),
    )
    .map(([hook, told]) => asked(hook, told)),
);

export const anyKey = fc.oneof(
  fc.constantFrom(
    "default",
    "node:edge-1",
    "node:edge-2",
    "op:Ping",
    "op:Login",
    "op:NewProxy",
    "op:NewThing",
    "usr:x",
  ),
  fc.constantFrom(...users).map((user) => `user:${user}`),
  fc.constantFrom("proxy:alice.ssh", "proxy:x", "client:c_00112233445566aa"),
  fc.constantFrom("group:staff", "group:guests"),
  fc.constantFrom("route:web:0", "route:web:1", "op:on_request"),
  fc.constantFrom(
    "ip:198.51.100.7",
    "ip:198.51.100.0/24",
    "ip:0.0.0.0/0",
    "ip:::ffff:198.51.100.7",
    "ip:2001:db8::/32",
    "ban:198.51.100.7",
    "ban:2001:db8::/32",
  ),
  fc.constantFrom(...domains, "A.example.com").map((domain) => `domain:${domain}`),
);

const anyDemand = fc.constantFrom<object>(
  {},
  { groups: ["staff"] },
  { groups: ["guests", "staff"] },
  { groups: ["gone"] },
  { tokens: [`sha256:${"0".repeat(64)}`] },
  { clientFrom: ["198.51.100.0/24"] },
  { clientFrom: ["2001:db8::/32", "0.0.0.0/0"], set: { Login: { user: "c" } } },
  { visitorFrom: ["198.51.100.7", "::/0"] },
  { hours: { zone: "UTC", windows: ["mon 00:00-24:00"] }, set: { Ping: { timestamp: 1 } } },
  { hours: { zone: "UTC", windows: ["tue 00:00-24:00"] } },
  { proxies: { names: ["ssh"] }, set: { NewProxy: { group: "a" } } },
  { proxies: { types: ["http"], domains: ["*.example.com"] } },
  { proxies: { max: 1 }, set: { NewProxy: { group: "b", sk: "b" } } },
  { set: { NewProxy: { group: "c", multiplexer: "c" } } },
  { prox: { on_request: { requestHeaders: { "X-A": "a" }, rewritePath: "/a" } } },
  { visitorFrom: ["198.51.100.7"], prox: { on_request: { status: 404, requestHeaders: { "X-B": "b" } } } },
);

export const anyValue = fc.oneof(
  fc.constantFrom("allow", "deny", "deny why", "alow", "{}"),
  fc
    .record(
      {
        effect: fc.constantFrom("allow", "deny", "require"),
        ops: fc.constantFrom(["Login"], ["NewProxy", "Ping"]),
        notBefore: fc.constantFrom("2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z"),
        expiresAt: fc.constantFrom("2025-01-01T00:00:00Z", "2031-01-01T00:00:00Z"),
        enforce: fc.boolean(),
      },
      { requiredKeys: [] },
    )
    .chain((terms) => anyDemand.map((demand) => JSON.stringify({ ...terms, ...demand }))),
);

export const anyRules = fc.uniqueArray(fc.tuple(anyKey, anyValue), {
  selector: ([key]) => key,
  maxLength: 10,
});
export const anyPolicy = fc.record({
  default: fc.constantFrom("allow" as const, "deny" as const),
  ownNames: fc.boolean(),
});
