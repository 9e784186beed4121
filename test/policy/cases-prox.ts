/** Rows for the scope `route` and the field `prox`: which rules change what, and how is refused. */
import type { Op, ProxChanges } from "../../src/op.ts";
import { asked } from "../prox/asked.ts";
import {
  allowed,
  allowedByDefault,
  before,
  type Case,
  denied,
  denyByDefault,
  json,
  observe,
  observed,
  recorded,
  refused,
} from "./cases.ts";

const told = { r: "web:0", d: "a.example.com", a: "203.0.113.9:5", m: "GET", p: "/" };
const request = asked("on_request", told);
const connect = asked("on_connect", told);
const response = (s = 200): Op => asked("on_response", { req: told, resp: { s } });
const disconnect = asked("on_disconnect", told);

const onRequest = (fields: object, rule: object = {}): string =>
  json({ ...rule, prox: { on_request: fields } });
const onResponse = (fields: object, rule: object = {}): string =>
  json({ ...rule, prox: { on_response: fields } });
const teapot = onRequest({ status: 418, body: "no" }, { effect: "deny" });
const nobody = { visitorFrom: ["192.0.2.1"] };
const somebody = { visitorFrom: ["203.0.113.0/24"] };
const x = (value: string): ProxChanges => ({ requestHeaders: { X: value } });
const y = (value: string): ProxChanges => ({ headers: { Y: value } });

// biome-ignore format: a table is read by its lines
export const proxCases: readonly Case[] = [
  { name: "a deny of a route refuses its requests", rules: { "route:web:0": "deny", "node:edge-1": "allow" }, op: request, is: denied("route:web:0") },
  { name: "a deny of a route refuses its connections", rules: { "route:web:0": "deny" }, op: connect, is: denied("route:web:0") },
  { name: "a deny of another route is about others", rules: { "route:web:1": "deny" }, op: request, is: allowedByDefault },
  { name: "JSON without an effect allows on a route", rules: { "route:web:0": "{}" }, op: request, policy: denyByDefault, is: allowed("route:web:0") },
  { name: "a rule of a domain is told before one of a route", rules: { "domain:a.example.com": "deny", "route:web:0": "deny" }, op: request, is: denied("domain:a.example.com") },
  { name: "a rule of a route is told before one of a node", rules: { "route:web:0": "deny", "node:edge-1": "deny", "op:on_request": "deny" }, op: request, is: denied("route:web:0") },
  { name: "a route that a request does not name meets no rule", rules: { "route:web:0": "deny" }, op: asked("on_request", { ...told, r: "" }), is: allowedByDefault },
  { name: "the end of a request is only recorded, whatever a rule of its route says", rules: { "route:web:0": onResponse({ status: 404 }) }, op: disconnect, is: recorded },

  { name: "a deny says how it refuses", rules: { "route:web:0": teapot }, op: request, is: { ...denied("route:web:0"), prox: { status: 418, body: "no" } } },
  { name: "a connection is refused without a word of it", rules: { "route:web:0": teapot }, op: connect, is: denied("route:web:0") },
  { name: "the rule that is told says how, not a more general one", rules: { "ip:203.0.113.9": "deny", "route:web:0": teapot }, op: request, is: denied("ip:203.0.113.9") },
  { name: "a ban says how it refuses", rules: { "ban:203.0.113.9": onRequest({ drop: true }), "route:web:0": teapot }, op: request, is: { ...refused("banned", "ban:203.0.113.9"), prox: { drop: true } } },
  { name: "the default that denies says how", rules: { default: onRequest({ status: 404 }, { effect: "deny" }) }, op: request, is: { ...refused("default_deny", "default"), prox: { status: 404 } } },
  { name: "a rule whose condition fails says how", rules: { "route:web:0": onRequest({ fallback: true }, nobody) }, op: request, is: { ...refused("visitor_address", "route:web:0"), prox: { fallback: true } } },
  { name: "an allow that has ended says how", rules: { "route:web:0": onRequest({ status: 410 }, { expiresAt: before }) }, op: request, is: { ...refused("access_ended", "route:web:0"), prox: { status: 410 } } },
  { name: "a rule whose conditions hold says nothing of refusals", rules: { "route:web:0": onRequest({ status: 404 }, somebody) }, op: request, is: allowed("route:web:0") },
  { name: "what is only tried out answers nothing", rules: { "route:web:0": onRequest({ status: 404 }, { effect: "deny", enforce: false }) }, op: request, is: observed(null, "rule_deny", "route:web:0") },
  { name: "in observe mode nothing is answered in place of what passes", rules: { "route:web:0": teapot }, op: request, policy: observe, is: observed(null, "rule_deny", "route:web:0") },
  { name: "a rule that cannot be read refuses in the standing way", rules: { "route:web:0": onRequest({ status: 99 }, { effect: "deny" }) }, op: request, is: refused("rule_unreadable", "route:web:0") },
  { name: "a refused request takes its rule's changes to the fallback", rules: { "route:web:0": onRequest({ fallback: true, rewritePath: "/sorry" }, { effect: "deny" }), "node:edge-1": onRequest({ cleanQuery: true }) }, op: request, is: { ...denied("route:web:0"), prox: { fallback: true, rewritePath: "/sorry" } } },

  { name: "rules change what passes: by field the more specific one", rules: { "node:edge-1": onRequest({ rewritePath: "/n", cleanQuery: true }), "route:web:0": onRequest({ rewritePath: "/r" }) }, op: request, is: { ...allowed("route:web:0"), prox: { rewritePath: "/r", cleanQuery: true } } },
  { name: "and of headers by name", rules: { "node:edge-1": onRequest({ requestHeaders: { x: "n", z: "n" } }), "route:web:0": onRequest({ requestHeaders: { X: "r" } }) }, op: request, is: { ...allowed("route:web:0"), prox: { requestHeaders: { X: "r", Z: "n" } } } },
  { name: "a speed is one field", rules: { "node:edge-1": onRequest({ speed: { download: 1, group: "all" } }), "route:web:0": onRequest({ speed: { upload: 2 } }) }, op: request, is: { ...allowed("route:web:0"), prox: { speed: { upload: 2 } } } },
  { name: "a more specific rule may keep the query", rules: { "node:edge-1": onRequest({ cleanQuery: true }), "route:web:0": onRequest({ cleanQuery: false }) }, op: request, is: { ...allowed("route:web:0"), prox: { cleanQuery: false } } },
  { name: "of domains the most exact rule alone changes anything", rules: { "domain:*.example.com": onRequest(x("*")), "domain:a.example.com": onRequest({ cleanQuery: true }) }, op: request, is: { ...allowedByDefault, prox: { cleanQuery: true } } },
  { name: "a rule for a part of a requested wildcard changes nothing", rules: { "domain:b.example.com": onRequest(x("b"), somebody) }, op: asked("on_request", { ...told, d: "*.example.com" }), is: allowedByDefault },
  { name: "a rule that is limited to other ops changes nothing", rules: { "route:web:0": onRequest(x("r"), { ops: ["on_connect"] }) }, op: request, is: allowedByDefault },
  { name: "a refused op is not changed", rules: { "ip:203.0.113.9": "deny", "route:web:0": onRequest(x("r")) }, op: request, is: denied("ip:203.0.113.9") },
  { name: "changes of requests are none of connections", rules: { "route:web:0": onRequest(x("r")) }, op: connect, is: allowed("route:web:0") },
  { name: "what passes in observe mode is changed, as by `set`", rules: { "route:web:0": onRequest(x("r")), "op:on_request": "deny" }, op: request, policy: observe, is: { ...observed("route:web:0", "rule_deny", "op:on_request"), prox: x("r") } },

  { name: "rules change a response, which stays recorded", rules: { "route:web:0": onResponse(y("r")), "node:edge-1": onResponse({ headers: { y: "n", z: "n" }, status: 203 }) }, op: response(), is: { ...recorded, prox: { headers: { Y: "r", Z: "n" }, status: 203 } } },
  { name: "what a more specific rule removes is not set by another", rules: { "route:web:0": onResponse({ remove: ["y"] }), "node:edge-1": onResponse({ headers: { y: "n" }, remove: ["server"] }) }, op: response(), is: { ...recorded, prox: { remove: ["Y", "Server"] } } },
  { name: "what only announces a response keeps its status", rules: { "route:web:0": onResponse({ status: 404, headers: { y: "r" } }) }, op: response(103), is: { ...recorded, prox: y("r") } },
  { name: "and is else left as it was", rules: { "route:web:0": onResponse({ status: 404 }) }, op: response(101), is: recorded },
  { name: "a rule of the response's op changes it", rules: { "op:on_response": onResponse(y("o")) }, op: response(), is: { ...recorded, prox: y("o") } },
  { name: "a rule whose conditions do not hold changes no response", rules: { "domain:a.example.com": onResponse(y("d"), nobody), "route:web:0": onResponse({ status: 203 }, somebody) }, op: response(), is: { ...recorded, prox: { status: 203 } } },
  { name: "an allow that has ended changes no response", rules: { "route:web:0": onResponse(y("r"), { expiresAt: before }) }, op: response(), is: recorded },
  { name: "a rule for requests alone changes no response", rules: { "route:web:0": onResponse(y("r"), { ops: ["on_request"] }) }, op: response(), is: recorded },
  { name: "a deny beside it takes nothing away: what is answered already cannot be refused", rules: { "ip:203.0.113.9": "deny", "route:web:0": onResponse(y("r")) }, op: response(), is: { ...recorded, prox: y("r") } },
  { name: "without a policy no response is changed", rules: { "route:web:0": onResponse(y("r")) }, op: response(), policy: { available: false }, is: recorded },
  { name: "by an outdated policy that refuses no response is changed", rules: { "route:web:0": onResponse(y("r")) }, op: response(), policy: { refuseAsStale: true }, is: recorded },
];
