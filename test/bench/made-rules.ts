/**
 * A policy as a large service has one, and the ops of its users: what bench:rules loads and decides.
 *
 * Of a hundred rules:
 *
 *   84  of users: 52 plain `allow`; 16 one of five plans, each the same JSON for all its users (limits, types, ports);
 *       12 JSON with a token of their own, limits and a note; 4 `deny` with a reason
 *    6  of addresses, one of them a network: `deny`, each with a TTL
 *    6  of proxies: `allow`, `deny`, or JSON of few forms
 *    4  of domains, one of them a wildcard: `deny`, or `require` with the types
 *
 * One user rule in ten has a TTL as well.
 */
import { hash } from "node:crypto";
import { Redis } from "ioredis";
import type { Op } from "../../src/op.ts";

export interface MadeRule {
  readonly key: string;
  readonly value: string;
  /** Milliseconds, hours away; null for most. */
  readonly ttlMs: number | null;
}

const plans = [
  '{"limits":{"connections":50}}',
  '{"limits":{"connections":200,"connectionsPerMinute":600}}',
  '{"proxies":{"types":["tcp"],"ports":[22,"6000-6999"],"max":3},"limits":{"connections":10}}',
  '{"proxies":{"types":["http","https"]},"limits":{"connections":500}}',
  '{"effect":"allow","ops":["Login","NewProxy","NewUserConn"],"proxies":{"max":10}}',
];
const proxyRules = ["allow", "allow", "deny", '{"limits":{"connections":20}}'];
const domainRules = ["deny", '{"effect":"require","proxies":{"types":["http","https"]}}'];
const names = ["Ping", "NewUserConn", "Ping", "NewProxy"];
const hourMs = 3_600_000;

/** Rule number `n` of a policy of any size: the mix is the same in every hundred. */
export function madeRule(n: number): MadeRule {
  const ttlMs = hourMs + (n % 86_400) * 1000;
  const kind = n % 100;
  if (kind < 84) return { key: `user:${userOf(n)}`, value: userValue(n), ttlMs: n % 10 === 9 ? ttlMs : null };
  if (kind < 90) return { key: `ip:${kind === 84 ? networkOf(n) : addressOf(n)}`, value: "deny", ttlMs };
  if (kind < 96) return { key: `proxy:${proxyOf(n)}`, value: proxyRules[n % 4]!, ttlMs: null };
  return { key: `domain:${kind === 96 ? "*." : ""}${domainOf(n)}`, value: domainRules[n & 1]!, ttlMs: null };
}

/** Writes the first `count` rules below `<prefix>policy:`. */
export async function fillRules(url: string, prefix: string, count: number): Promise<void> {
  const client = new Redis(url);
  for (let from = 0; from < count; from += 1000) {
    const pipeline = client.pipeline();
    for (let n = from; n < Math.min(count, from + 1000); n++) {
      const { key, value, ttlMs } = madeRule(n);
      if (ttlMs === null) pipeline.set(`${prefix}policy:${key}`, value);
      else pipeline.set(`${prefix}policy:${key}`, value, "PX", ttlMs);
    }
    await pipeline.exec();
  }
  client.disconnect();
}

/** The name of a user whom a plain rule allows, wherever there are a thousand rules; `n` below 520. */
export function allowedUser(n: number): string {
  return userOf(Math.floor(n / 52) * 100 + (n % 52));
}

function hasToken(n: number): boolean {
  return n % 100 >= 68 && n % 100 < 80;
}

function userValue(n: number): string {
  const kind = n % 100;
  if (kind < 52) return "allow";
  if (kind < 68) return plans[n % plans.length]!;
  if (hasToken(n)) {
    return JSON.stringify({
      tokens: [`sha256:${hash("sha256", tokenOf(n))}`],
      limits: { connections: 10 + (n % 90) },
      note: `order ${n}`,
    });
  }
  return `deny contract ${n} has ended`;
}

function userOf(n: number): string {
  return `user-${n.toString(36).padStart(5, "0")}`;
}

function tokenOf(n: number): string {
  return `token of user ${n}`;
}

function proxyOf(n: number): string {
  return `${userOf(n)}.web`;
}

function domainOf(n: number): string {
  return `app-${n.toString(36)}.example.com`;
}

function addressOf(n: number): string {
  return `${100 + (n >> 24)}.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`;
}

function networkOf(n: number): string {
  return `2001:db8:${(n >> 16).toString(16)}:${(n & 0xffff).toString(16)}::/64`;
}

/**
 * An op that meets rule `n`, or none where `n` is beyond the last: by its user, address, proxy or domain, and by
 * nothing else of it. One in two is a Ping, one in four begins a connection, one in four opens a proxy.
 */
export function madeOp(n: number, turn: number): Op {
  const kind = n % 100;
  const name = kind >= 96 ? "NewProxy" : kind >= 84 ? "NewUserConn" : names[turn & 3]!;
  const domains = kind >= 96 ? [flat(domainOf(n))] : [];
  const type = domains.length > 0 ? "http" : "tcp";
  return {
    protocol: "frp",
    node: "edge-1",
    name,
    known: true,
    refusable: true,
    reqid: null,
    user: flat(userOf(n)),
    client: null,
    proxy: name === "Ping" ? null : { name: flat(proxyOf(n)), type, domains, remotePort: null },
    remote: name === "NewUserConn" ? { ip: flat(addressOf(n)), port: 40_000 } : null,
    metas: hasToken(n) ? { token: tokenOf(n) } : null,
    proxyOptions: null,
    clientInfo: null,
    traffic: null,
    prox: null,
    content: {},
    atMs: 0,
  };
}

/** Not glued from pieces, as no text of a parsed body is. */
function flat(text: string): string {
  return Buffer.from(text).toString("latin1");
}
