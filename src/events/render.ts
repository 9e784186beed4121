/**
 * From a decided op to the one line that is journaled and published.
 *
 * The attributes stand first and `data` last: the forwarder reads the attributes without parsing the rest.
 */
import type { Decision } from "../decision.ts";
import type { ClientInfo, Op, ProxFacts, ProxyFacts } from "../op.ts";
import type { OpData } from "./data.ts";
import { type Draft, digits, isoTime, type Origin } from "./draft.ts";
import { newId, opId, overriddenId, recordKey, sessionKey } from "./ids.ts";
import { rewriteOfProx } from "./prox-changes.ts";
import type { Redact } from "./redact.ts";
import { dataSchemaOf, type EventData, type EventType, eventTypes, typePrefix } from "./schema.ts";
import type { Stream } from "./streams.ts";

/** A client may ask for thousands of domains; `content` of its NewProxy has them all. */
const mostDomains = 64;
/** A visitor chooses the path; `content` has all of it. */
const longestPath = 2048;
const unpaired = { id: null, pairing: "none" } as const;

/** What is known of an op from the ops before it. */
export interface OpContext {
  readonly clientInfo: ClientInfo | null;
  /** The op's proxy, with what its NewProxy said of it. */
  readonly proxy: ProxyFacts | null;
  /** Of user connections: the session key, and at a close the session that it ends, where there is one. */
  readonly session: { readonly key: string; readonly id: string | null } | null;
  /** Of a response, or an end of a request: the request. */
  readonly request?: NonNullable<OpData["request"]>;
}

/** Native op name to the event types of its outcomes. */
const typesByOp: Readonly<Record<string, { readonly allowed: EventType; readonly refused: EventType }>> = {
  Login: { allowed: "login.allowed", refused: "login.refused" },
  NewProxy: { allowed: "proxy.allowed", refused: "proxy.refused" },
  CloseProxy: { allowed: "proxy.closed", refused: "proxy.closed" },
  Ping: { allowed: "heartbeat.allowed", refused: "heartbeat.refused" },
  NewWorkConn: { allowed: "workconn.allowed", refused: "workconn.refused" },
  NewUserConn: { allowed: "session.started", refused: "session.refused" },
  CloseUserConn: { allowed: "session.closed", refused: "session.closed" },
  on_connect: { allowed: "session.admitted", refused: "session.refused" },
  on_request: { allowed: "request.allowed", refused: "request.refused" },
  on_response: { allowed: "response.seen", refused: "response.seen" },
  on_disconnect: { allowed: "request.completed", refused: "request.completed" },
};
/** Of these the event is the start of its session. */
const starts: ReadonlySet<EventType> = new Set(["session.started", "session.admitted"]);

/** New at each call where the wire gives the op no id. */
export function eventIdOf({ node, reqid, name }: Op): string {
  return reqid === null ? newId() : opId(node, reqid, name);
}

export function eventTypeOf({ known, name }: Op, { effect }: Decision): EventType {
  const types = known ? typesByOp[name] : undefined;
  if (types === undefined) return "op.unknown";
  return effect === "refused" ? types.refused : types.allowed;
}

/**
 * The event of an op and its decision.
 * @param supersedes the id of an event that this one overrides
 * @param firstId its own where it overrides none
 */
export function opDraft(
  op: Op,
  decision: Decision,
  origin: Origin,
  redact: Redact,
  { clientInfo, proxy, session, request }: OpContext,
  supersedes?: string,
  firstId = eventIdOf(op),
): Draft {
  const type = eventTypeOf(op, decision);
  const id = supersedes === undefined ? firstId : overriddenId(supersedes);
  const { stream } = eventTypes[type];
  const key = recordKey(keyOf(stream, op, session?.key), op.node);
  const data: OpData = {
    protocol: op.protocol,
    node: op.node,
    op: op.name,
    reqid: op.reqid,
    user: op.user,
    client: op.client,
    clientInfo,
    proxy: proxy === null ? null : proxyData(proxy),
    remote: op.remote,
    ...(op.prox && { prox: proxData(op.prox) }),
    session: session === null ? null : { id: starts.has(type) ? id : session.id, key: session.key },
    ...(request && { request }),
    ...(op.traffic && { bytes: op.traffic }),
    ...(type === "request.completed" && completion(op, request)),
    decision: {
      effect: decision.effect,
      reason: decision.reason,
      code: decision.code,
      rule: decision.rule,
      revision: decision.revision,
      checks: decision.checks as OpData["decision"]["checks"],
      ...(decision.wouldRefuse && { wouldRefuse: decision.wouldRefuse }),
    },
    rewrite: rewriteOf(op, decision, redact),
    content: redact(op.content),
  };
  const subject = op.prox === null ? subjectOf(op.user, op.proxy?.name ?? null) : op.prox.route;
  return {
    id,
    type,
    stream,
    key,
    render: (stamp) =>
      JSON.stringify({
        specversion: "1.0",
        id,
        source: `/${op.protocol}/${op.node}`,
        type: typePrefix + type,
        subject: subject || undefined,
        time: isoTime(op.atMs),
        datacontenttype: "application/json",
        dataschema: dataSchemaOf(type),
        op: op.name,
        decision: decision.effect,
        policyrev: decision.revision,
        supersedes,
        pseudonyms: origin.naming,
        instance: origin.instance,
        epoch: origin.epoch,
        sequence: digits(stamp.sequence),
        journalseq: digits(stamp.journalseq),
        partitionkey: key,
        data,
      }),
  };
}

/** `user/proxy`, or what there is of it. */
export function subjectOf(user: string | null, proxy: string | null): string {
  return proxy === null ? (user ?? "") : `${user ?? ""}/${proxy}`;
}

export function proxyData({ name, type, remotePort, domains }: ProxyFacts): NonNullable<OpData["proxy"]> {
  return { name, type, remotePort, domains: domains.slice(0, mostDomains) };
}

/** What stands in an end of a request, known or not. */
function completion(
  { traffic, prox }: Op,
  request: OpContext["request"],
): Pick<EventData<"request.completed">, "request" | "bytes" | "durationMs"> {
  return { request: request ?? unpaired, bytes: traffic, durationMs: prox?.durationMs ?? null };
}

function proxData({ route, domain, method, path, target, status }: ProxFacts): NonNullable<OpData["prox"]> {
  const short = path !== null && path.length > longestPath ? path.slice(0, longestPath).toWellFormed() : path;
  return { route, domain, method, path: short, target, status };
}

function keyOf(stream: Stream, op: Op, session: string | undefined): string {
  if (stream === "logins") return op.user ?? "";
  if (stream === "proxies") return op.proxy?.name ?? "";
  if (stream === "heartbeats" || stream === "work-conns") return op.client ?? "";
  if (stream === "user-sessions") return session ?? "";
  if (stream === "http-requests") return `${op.prox?.route ?? ""} ${op.remote?.ip ?? ""}`.trim();
  return op.node;
}

export function isUserConnection(op: Op): boolean {
  return op.known && (op.name === "NewUserConn" || op.name === "CloseUserConn");
}

/** What both ends of a user connection give without a look-up; at prox, which has no proxies, the route stands for one. */
export function sessionKeyOf({ node, client, proxy, prox, remote }: Op): string {
  const address = remote === null ? "" : `${remote.ip ?? ""} ${remote.port ?? ""}`;
  return sessionKey(node, client ?? "", proxy?.name ?? prox?.route ?? "", address);
}

function rewriteOf(op: Op, decision: Decision, redact: Redact): OpData["rewrite"] {
  if (decision.prox !== undefined) return rewriteOfProx(op, decision.prox, redact);
  if (decision.set === undefined || decision.effect !== "allowed") return null;
  const from = redact(op.content);
  const to = redact(decision.set);
  return Object.fromEntries(
    Object.keys(to).map((name) => [name, { from: from[name] ?? null, to: to[name] }]),
  );
}
