/**
 * What the projections need of an event, read once and alike for every type. What an event does not say is null, and
 * so is what no typed column could hold: a port beyond 65535, an address that is none, a number that is not whole.
 */
import { z } from "zod";
import type { LoginConfirmed, OpData, Pairing, SessionEnded } from "../data.ts";
import { type EventType, eventTypes, type SluiceEvent, typePrefix } from "../schema.ts";

/** Of all types together; which of them an event has depends on its type. */
type AnyData = Partial<Omit<OpData, "decision" | "session">> &
  Partial<Pick<LoginConfirmed, "login">> &
  Partial<Omit<SessionEnded, "decision" | "protocol" | "node" | "user" | "client" | "proxy" | "session">> & {
    readonly decision?: Partial<OpData["decision"]>;
    readonly session?: OpData["session"];
    readonly reason?: string;
    readonly peer?: string | null;
    readonly suppressed?: number;
    readonly cause?: string;
    readonly key?: string;
    readonly problem?: string;
    readonly by?: string | null;
    readonly before?: unknown;
    readonly after?: unknown;
    readonly count?: number | null;
    readonly rulesKept?: number;
    readonly revision?: { readonly to: string };
    readonly version?: string;
  };

const isAddress = z.union([z.ipv4(), z.ipv6()]);
const mostPort = 65_535;
const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

export type Facts = ReturnType<typeof factsOf>;

/** @throws of a type that this release does not know */
export function factsOf(event: SluiceEvent) {
  const type = event.type.slice(typePrefix.length) as EventType;
  if (!Object.hasOwn(eventTypes, type)) throw new Error(`${event.type} is no type that this release knows`);
  const data = event.data as AnyData;
  const { decision, clientInfo, proxy, remote, prox, session, request, bytes, end } = data;
  const protocol = data.protocol ?? null;
  return {
    id: event.id,
    type,
    stream: eventTypes[type].stream,
    timeMs: Date.parse(event.time),
    source: event.source,
    subject: event.subject ?? null,
    key: event.partitionkey,
    instance: event.instance,
    epoch: event.epoch,
    sequence: Number(event.sequence),
    journalseq: Number(event.journalseq),
    supersedes: event.supersedes ?? null,
    protocol,
    node: data.node ?? null,
    op: data.op ?? event.op ?? null,
    effect: decision?.effect ?? null,
    /** Why: in a decision, an end of the bridge, a malformed call. */
    reason: decision?.reason ?? data.reason ?? null,
    code: decision?.code ?? null,
    rule: decision?.rule ?? null,
    wouldRefuse: decision?.wouldRefuse?.reason ?? null,
    revision: decision?.revision ?? data.revision?.to ?? null,
    /** "" is the anonymous one of frp. */
    user: data.user ?? null,
    client: data.client ?? null,
    clientIp: ipOf(clientInfo?.address),
    clientPort: portOf(clientInfo?.port),
    clientHostname: clientInfo?.hostname || null,
    clientVersion: clientInfo?.version || null,
    proxy: proxy?.name ?? null,
    proxyType: proxy?.type ?? null,
    proxyPort: portOf(proxy?.remotePort),
    domains: proxy?.domains ?? [],
    remoteIp: ipOf(remote?.ip ?? data.peer),
    remotePort: portOf(remote?.port),
    route: prox?.route || null,
    domain: prox?.domain || null,
    method: prox?.method || null,
    path: prox?.path || null,
    target: prox?.target || null,
    status: statusOf(prox?.status),
    sessionId: session?.id ?? (isStart(type) ? event.id : null),
    sessionKey: session?.key ?? null,
    /** The event id of the request that this one belongs to. */
    requestId: type.startsWith("request.") && type !== "request.completed" ? event.id : (request?.id ?? null),
    /** The event id of the Login that this one belongs to. */
    loginId: type === "login.confirmed" ? (data.login ?? null) : type.startsWith("login.") ? event.id : null,
    pairing: (data.pairing ?? request?.pairing ?? null) as Pairing | null,
    bytesIn: bytes?.in ?? null,
    bytesOut: bytes?.out ?? null,
    startedMs: momentOf(data.startedAt ?? (isStart(type) ? event.time : undefined)),
    /** Of an inferred end when its sign was seen. */
    endedMs: momentOf(data.endedAt),
    durationMs: data.durationMs ?? null,
    durationClock: data.durationClock ?? null,
    endReason: end?.reason ?? null,
    endInferred: end?.inferred ?? null,
    notBeforeMs: momentOf(end?.notBefore),
    notAfterMs: momentOf(end?.notAfter),
    policyKey: data.key ?? null,
    change: changeOf(type, data),
    cause: data.cause ?? null,
    changedBy: data.by ?? null,
    problem: data.problem ?? null,
    /** Records lost, calls left out, rules kept: what the type counts. */
    count: data.count ?? data.suppressed ?? data.rulesKept ?? null,
    /** Of Sluice itself, when it starts. */
    version: data.version ?? null,
  };
}

/** Of an end how it ended, else what was wrong, or why it was decided so. */
export function whyOf({ endReason, endInferred, problem, reason, cause }: Facts): string | null {
  if (endReason !== null) return endInferred ? `${endReason}, inferred` : endReason;
  return problem ?? reason ?? cause;
}

/** One line for people. */
export function messageOf(facts: Facts): string {
  const why = whyOf(facts);
  return `${facts.type} ${facts.subject ?? facts.source}${why === null ? "" : `: ${why}`}`;
}

function isStart(type: EventType): boolean {
  return type === "session.started" || type === "session.admitted";
}

function changeOf(type: EventType, { before, after }: AnyData): "created" | "updated" | "deleted" | null {
  if (type !== "policy.changed") return null;
  return before == null ? "created" : after == null ? "deleted" : "updated";
}

/** In the form of RFC 5952; null where it is no address. */
export function ipOf(text: string | null | undefined): string | null {
  if (!text) return null;
  const ip = mapped.exec(text)?.[1] ?? text;
  if (!isAddress.safeParse(ip).success) return null;
  return ip.includes(":") ? new URL(`http://[${ip}]`).hostname.slice(1, -1) : ip;
}

function portOf(value: number | null | undefined): number | null {
  return Number.isInteger(value) && value! > 0 && value! <= mostPort ? value! : null;
}

function statusOf(value: number | null | undefined): number | null {
  return Number.isInteger(value) && value! >= 0 && value! <= 999 ? value! : null;
}

function momentOf(text: string | null | undefined): number | null {
  return text ? Date.parse(text) : null;
}
