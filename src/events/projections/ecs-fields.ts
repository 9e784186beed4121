/** Where each fact stands in ECS, by the field's full name; what ECS has no field for stands below `sluice`. */
import { typePrefix } from "../schema.ts";
import { categories, changeTypes } from "./ecs-categories.ts";
import { type Facts, messageOf, whyOf } from "./facts.ts";

/** Of the fields that it is judged by in the tests. */
export const ecsVersion = "9.4.0";

const nanosecondsPerMs = 1_000_000;
const udp: ReadonlySet<string | null> = new Set(["udp", "sudp"]);

type Value = string | number | boolean | null | readonly string[];

export const fields: Readonly<Record<string, (facts: Facts) => Value>> = {
  "@timestamp": (f) => isoOf(f.timeMs),
  "ecs.version": () => ecsVersion,
  message: messageOf,
  "event.id": (f) => f.id,
  "event.kind": (f) => categories[f.type].kind,
  "event.category": (f) => categories[f.type].category,
  "event.type": eventTypes,
  "event.outcome": (f) => (f.effect === "refused" ? "failure" : categories[f.type].outcome),
  "event.action": (f) => f.type,
  "event.code": (f) => f.code,
  "event.reason": whyOf,
  "event.provider": (f) => f.source,
  "event.module": () => "sluice",
  "event.dataset": (f) => typePrefix + f.stream,
  "event.sequence": (f) => f.journalseq,
  "event.start": (f) => isoOf(f.startedMs),
  "event.end": (f) => (f.endInferred ? null : isoOf(f.endedMs)),
  /** Nanoseconds; beyond 2^53 of them, 104 days, a double counts no single ones. */
  "event.duration": (f) => (f.durationMs === null ? null : safe(f.durationMs * nanosecondsPerMs)),
  "error.message": (f) => f.problem,
  "source.ip": sourceIp,
  "source.address": (f) => sourceIp(f) ?? (isVisitor(f) ? null : f.clientHostname),
  "source.port": (f) => (f.remoteIp === null && !isVisitor(f) ? f.clientPort : f.remotePort),
  "source.bytes": (f) => f.bytesIn,
  "destination.address": (f) => f.domain ?? f.domains[0] ?? null,
  "destination.domain": (f) => f.domain ?? f.domains[0] ?? null,
  "destination.port": (f) => f.proxyPort,
  "destination.bytes": (f) => f.bytesOut,
  "network.bytes": (f) => (f.bytesIn === null || f.bytesOut === null ? null : safe(f.bytesIn + f.bytesOut)),
  "network.direction": (f) => (isConnection(f) ? "inbound" : null),
  "network.transport": (f) => (f.proxyType === null ? null : udp.has(f.proxyType) ? "udp" : "tcp"),
  "network.type": (f) => ipKind(sourceIp(f)),
  "network.protocol": (f) => (f.stream === "http-requests" ? "http" : null),
  "user.name": (f) => f.user || null,
  "observer.name": (f) => f.node,
  "observer.type": () => "proxy",
  "observer.product": (f) => f.protocol,
  "observer.vendor": () => "Sluice",
  "rule.id": (f) => f.rule,
  "rule.name": (f) => f.rule ?? f.policyKey,
  "rule.version": (f) => f.revision,
  "http.request.id": (f) => f.requestId,
  "http.request.method": (f) => f.method,
  "http.response.status_code": (f) => f.status,
  "url.path": (f) => f.path,
  "url.domain": (f) => (f.path === null ? null : f.domain),
  "related.ip": (f) => distinct(f.remoteIp, f.clientIp),
  "related.user": (f) => distinct(f.user, f.changedBy),
  "related.hosts": (f) => distinct(f.clientHostname, f.domain, ...f.domains),
  "sluice.decision": (f) => f.effect,
  "sluice.would_refuse": (f) => f.wouldRefuse,
  "sluice.op": (f) => f.op,
  "sluice.client": (f) => f.client,
  "sluice.client_version": (f) => f.clientVersion,
  "sluice.proxy": (f) => f.proxy,
  "sluice.proxy_type": (f) => f.proxyType,
  "sluice.route": (f) => f.route,
  "sluice.target": (f) => f.target,
  "sluice.session_id": (f) => f.sessionId,
  "sluice.session_key": (f) => f.sessionKey,
  "sluice.login_id": (f) => f.loginId,
  "sluice.pairing": (f) => f.pairing,
  "sluice.end_reason": (f) => f.endReason,
  "sluice.end_inferred": (f) => f.endInferred,
  "sluice.cause": (f) => f.cause,
  "sluice.counted": (f) => f.count,
  "sluice.supersedes": (f) => f.supersedes,
  "sluice.instance": (f) => f.instance,
  "sluice.epoch": (f) => f.epoch,
};

function eventTypes({ type, change, effect }: Facts): readonly string[] {
  if (type === "policy.changed" && change !== null) return [changeTypes[change]];
  // An op that nobody knows may be refused as well.
  return type === "op.unknown" && effect === "refused" ? ["denied"] : categories[type].type;
}

function isConnection({ stream }: Facts): boolean {
  return stream === "user-sessions" || stream === "work-conns" || stream === "http-requests";
}

/** Whether the source is whoever came through a proxy; else it is the client. */
function isVisitor({ stream, type }: Facts): boolean {
  return stream === "user-sessions" || stream === "http-requests" || type === "op.malformed";
}

function sourceIp(facts: Facts): string | null {
  return facts.remoteIp ?? (isVisitor(facts) ? null : facts.clientIp);
}

function ipKind(ip: string | null): string | null {
  return ip === null ? null : ip.includes(":") ? "ipv6" : "ipv4";
}

function isoOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

function safe(value: number): number | null {
  return Number.isSafeInteger(value) ? value : null;
}

function distinct(...values: readonly (string | null)[]): readonly string[] {
  return [...new Set(values.filter((value) => value !== null && value !== ""))] as string[];
}
