/**
 * From a decided op to the one line that is journaled and published.
 *
 * The attributes stand first and `data` last: the forwarder reads the attributes without parsing the rest.
 */
import type { Decision } from "../decision.ts";
import type { ClientInfo, Op, ProxyFacts } from "../op.ts";
import type { OpData } from "./data.ts";
import { type Draft, digits, isoTime, type Origin } from "./draft.ts";
import { newId, opId, overriddenId, recordKey, sessionKey } from "./ids.ts";
import type { Redact } from "./redact.ts";
import { dataSchemaOf, type EventType, eventTypes, typePrefix } from "./schema.ts";
import type { Stream } from "./streams.ts";

/** A client may ask for thousands of domains; `content` of its NewProxy has them all. */
const mostDomains = 64;

/** What is known of an op from the ops before it. */
export interface OpContext {
  readonly clientInfo: ClientInfo | null;
  /** The op's proxy, with what its NewProxy said of it. */
  readonly proxy: ProxyFacts | null;
  /** Of user connections: the session key, and at a close the session that it ends, where there is one. */
  readonly session: { readonly key: string; readonly id: string | null } | null;
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
};

/** The event of an op and its decision. `supersedes` is the id of an event that this one overrides. */
export function opDraft(
  op: Op,
  decision: Decision,
  origin: Origin,
  redact: Redact,
  { clientInfo, proxy, session }: OpContext,
  supersedes?: string,
): Draft {
  const types = op.known ? typesByOp[op.name] : undefined;
  const type =
    types === undefined ? "op.unknown" : decision.effect === "refused" ? types.refused : types.allowed;
  const firstId = op.reqid === null ? newId() : opId(op.node, op.reqid, op.name);
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
    session: session === null ? null : { id: type === "session.started" ? id : session.id, key: session.key },
    ...(op.traffic && { bytes: op.traffic }),
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
  const subject = subjectOf(op.user, op.proxy?.name ?? null);
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
        subject: subject === "" ? undefined : subject,
        time: isoTime(op.atMs),
        datacontenttype: "application/json",
        dataschema: dataSchemaOf(type),
        op: op.name,
        decision: decision.effect,
        policyrev: decision.revision,
        supersedes,
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

function keyOf(stream: Stream, op: Op, session: string | undefined): string {
  if (stream === "logins") return op.user ?? "";
  if (stream === "proxies") return op.proxy?.name ?? "";
  if (stream === "heartbeats" || stream === "work-conns") return op.client ?? "";
  if (stream === "user-sessions") return session ?? "";
  return op.node;
}

export function isUserConnection(op: Op): boolean {
  return op.known && (op.name === "NewUserConn" || op.name === "CloseUserConn");
}

/** What both ends of a user connection give without a look-up. */
export function sessionKeyOf({ node, client, proxy, remote }: Op): string {
  const address = remote === null ? "" : `${remote.ip ?? ""} ${remote.port ?? ""}`;
  return sessionKey(node, client ?? "", proxy?.name ?? "", address);
}

function rewriteOf(op: Op, decision: Decision, redact: Redact): OpData["rewrite"] {
  if (decision.set === undefined || decision.effect !== "allowed") return null;
  const from = redact(op.content);
  const to = redact(decision.set);
  return Object.fromEntries(
    Object.keys(to).map((name) => [name, { from: from[name] ?? null, to: to[name] }]),
  );
}
