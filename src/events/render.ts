/**
 * From a decided op, or a fact about the bridge, to the one line that is journaled and published.
 *
 * The attributes stand first and `data` last: the forwarder reads the attributes without parsing the rest.
 */
import type { Decision } from "../decision.ts";
import type { Stamp } from "../journal/journal.ts";
import type { Op } from "../op.ts";
import { newId, opId, overriddenId, recordKey, sessionKey } from "./ids.ts";
import type { Redact } from "./redact.ts";
import {
  dataSchemaOf,
  type EventData,
  type EventType,
  eventTypes,
  type OpData,
  typePrefix,
} from "./schema.ts";
import type { Stream } from "./streams.ts";

/** An event that waits for its numbers. */
export interface Draft {
  readonly id: string;
  readonly type: EventType;
  readonly stream: Stream;
  readonly key: string;
  readonly render: (stamp: Stamp) => string;
}

/** Who publishes: in every event. */
export interface Origin {
  readonly instance: string;
  readonly epoch: string;
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
  supersedes?: string,
): Draft {
  const types = op.known ? typesByOp[op.name] : undefined;
  const type =
    types === undefined ? "op.unknown" : decision.effect === "refused" ? types.refused : types.allowed;
  const session = sessionOf(op, type);
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
    proxy: op.proxy === null ? null : { name: op.proxy.name, type: op.proxy.type },
    remote: op.remote,
    session: session === null ? null : { id: type === "session.started" ? id : null, key: session.key },
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
  const subject = op.proxy === null ? (op.user ?? "") : `${op.user ?? ""}/${op.proxy.name}`;
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

/** An event about the bridge, the policy, or a body that was no op. Its data may depend on its own numbers. */
export function factDraft<T extends EventType>(
  type: T,
  about: { readonly source: string; readonly subject?: string; readonly key: string; readonly atMs: number },
  origin: Origin,
  dataOf: (own: Stamp) => EventData<T>,
): Draft {
  const id = newId();
  const key = recordKey(about.key, origin.instance);
  return {
    id,
    type,
    stream: eventTypes[type].stream,
    key,
    render: (stamp) => {
      const data = dataOf(stamp);
      return JSON.stringify({
        specversion: "1.0",
        id,
        source: about.source,
        type: typePrefix + type,
        subject: about.subject === "" ? undefined : about.subject,
        time: new Date(about.atMs).toISOString(),
        datacontenttype: "application/json",
        dataschema: dataSchemaOf(type),
        policyrev: "revision" in data ? data.revision.to : undefined,
        instance: origin.instance,
        epoch: origin.epoch,
        sequence: digits(stamp.sequence),
        journalseq: digits(stamp.journalseq),
        partitionkey: key,
        data,
      });
    },
  };
}

function keyOf(stream: Stream, op: Op, session: string | undefined): string {
  if (stream === "logins") return op.user ?? "";
  if (stream === "proxies") return op.proxy?.name ?? "";
  if (stream === "heartbeats" || stream === "work-conns") return op.client ?? "";
  if (stream === "user-sessions") return session ?? "";
  return op.node;
}

function sessionOf(op: Op, type: EventType): { readonly key: string } | null {
  if (eventTypes[type].stream !== "user-sessions") return null;
  const remote = op.remote === null ? "" : `${op.remote.ip ?? ""} ${op.remote.port ?? ""}`;
  return { key: sessionKey(op.node, op.client ?? "", op.proxy?.name ?? "", remote) };
}

function rewriteOf(op: Op, decision: Decision, redact: Redact): OpData["rewrite"] {
  if (decision.set === undefined || decision.effect !== "allowed") return null;
  const from = redact(op.content);
  const to = redact(decision.set);
  return Object.fromEntries(
    Object.keys(to).map((name) => [name, { from: from[name] ?? null, to: to[name] }]),
  );
}

let lastMs = Number.NaN;
let lastIso = "";

/** Under load many ops share a millisecond. */
function isoTime(ms: number): string {
  if (ms !== lastMs) {
    lastMs = ms;
    lastIso = new Date(ms).toISOString();
  }
  return lastIso;
}

function digits(number: number): string {
  return String(number).padStart(16, "0");
}
