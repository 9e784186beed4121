/**
 * Every event that Sluice publishes, as zod schemas: the one source of the types, of the tests that judge
 * what was published, and of the contract for consumers (`sluice/events`).
 *
 * CloudEvents 1.0, structured JSON. Extension names are lower-case letters and digits only, as CloudEvents
 * asks; numbers that can outgrow 32 bits travel as text.
 */
import { z } from "zod";
import {
  loginConfirmedData,
  lossData,
  malformedData,
  moment,
  object,
  opData,
  policyChangedData,
  policyEmptiedData,
  policyRejectedData,
  progressData,
  requestCompletedData,
  sessionEndedData,
  startedData,
  stoppedData,
} from "./data.ts";
import { type Stream, topics } from "./streams.ts";

export const typePrefix = "sluice.";

const sixteenDigits = z.string().regex(/^\d{16}$/);

interface EventKind {
  readonly stream: Stream;
  readonly data: z.ZodType;
  readonly version?: number;
}

/** Each type (without prefix), the stream it goes to, its data, and the version of that where it is another than 1. */
export const eventTypes = {
  "login.allowed": { stream: "logins", data: opData },
  "login.refused": { stream: "logins", data: opData },
  "login.confirmed": { stream: "logins", data: loginConfirmedData },
  "proxy.allowed": { stream: "proxies", data: opData },
  "proxy.refused": { stream: "proxies", data: opData },
  "proxy.closed": { stream: "proxies", data: opData },
  "heartbeat.allowed": { stream: "heartbeats", data: opData },
  "heartbeat.refused": { stream: "heartbeats", data: opData },
  "workconn.allowed": { stream: "work-conns", data: opData },
  "workconn.refused": { stream: "work-conns", data: opData },
  "session.started": { stream: "user-sessions", data: opData },
  "session.refused": { stream: "user-sessions", data: opData },
  "session.closed": { stream: "user-sessions", data: opData },
  "session.ended": { stream: "user-sessions", data: sessionEndedData },
  "session.admitted": { stream: "user-sessions", data: opData },
  "request.allowed": { stream: "http-requests", data: opData },
  "request.refused": { stream: "http-requests", data: opData },
  "response.seen": { stream: "http-requests", data: opData },
  "request.completed": { stream: "http-requests", data: requestCompletedData },
  "op.unknown": { stream: "unknown", data: opData },
  "op.malformed": { stream: "unknown", data: malformedData },
  "policy.changed": { stream: "policy-changes", data: policyChangedData },
  "policy.rejected": { stream: "policy-changes", data: policyRejectedData },
  "policy.emptied": { stream: "policy-changes", data: policyEmptiedData },
  "bridge.started": { stream: "bridge", data: startedData },
  "bridge.stopped": { stream: "bridge", data: stoppedData },
  "bridge.gap": { stream: "bridge", data: lossData },
  "bridge.progress": { stream: "bridge", data: progressData },
} as const satisfies Record<string, EventKind>;

export type EventType = keyof typeof eventTypes;
export type EventData<T extends EventType> = z.infer<(typeof eventTypes)[T]["data"]>;

/** Of every event: CloudEvents 1.0 and Sluice's extensions to it. */
const attributes = {
  specversion: z.literal("1.0"),
  /** The same whenever the same event is published again. */
  id: z.uuid(),
  /** `/<protocol>/<node>`, or the bridge. */
  source: z.string().startsWith("/"),
  /** `user/proxy`, or what there is of it; the route at prox. */
  subject: z.string().min(1).optional(),
  /** UTC, to the millisecond: when it happened, by the bridge's clock. */
  time: moment,
  datacontenttype: z.literal("application/json"),
  /** Native name of the op, where the event is one. */
  op: z.string().optional(),
  decision: z.enum(["allowed", "refused", "recorded"]).optional(),
  /** The revision of the policy that decided. */
  policyrev: z.string().optional(),
  /** The id of an earlier event that this one takes the place of. */
  supersedes: z.uuid().optional(),
  /**
   * `user,ip;key=0a1b2c3d`: users' names and addresses are pseudonyms, made with the key of that id; none: they are true.
   * Equal ones of one such text mean the same.
   */
  pseudonyms: z.string().min(1).optional(),
  /** The bridge; kept in its data directory. */
  instance: z.string().min(1),
  /** New at each start of the bridge. */
  epoch: z.uuid(),
  /** Counts from 1 without a gap within instance, epoch and topic; 16 digits. */
  sequence: sixteenDigits,
  /** The order over all topics of an instance; 16 digits. */
  journalseq: sixteenDigits,
  /** The record's key. */
  partitionkey: z.string().min(1),
};

/** `sluice.login.allowed` */
export function typeNameOf<T extends EventType>(type: T): `${typeof typePrefix}${T}` {
  return `${typePrefix}${type}`;
}

const schemaPrefix = "urn:sluice:event:";

export function dataVersionOf(type: EventType): number {
  const { version = 1 }: EventKind = eventTypes[type];
  return version;
}

/** `urn:sluice:event:login.allowed:1`: the contract that an event's data keeps. */
export function dataSchemaOf<T extends EventType>(type: T): `${typeof schemaPrefix}${T}:${number}` {
  return `${schemaPrefix}${type}:${dataVersionOf(type)}`;
}

/** The topic that events of this type, with or without `sluice.`, go to; `prefix` is the bridge's kafka.topicPrefix. */
export function topicOf(type: EventType | SluiceEvent["type"], prefix?: string): string {
  const name = (type.startsWith(typePrefix) ? type.slice(typePrefix.length) : type) as EventType;
  return topics(prefix)[eventTypes[name].stream];
}

function eventSchemaOf<T extends EventType>(type: T) {
  return object({
    ...attributes,
    type: z.literal(typeNameOf(type)),
    dataschema: z.literal(dataSchemaOf(type)),
    data: eventTypes[type].data as (typeof eventTypes)[T]["data"],
  });
}

type EventSchemas = { readonly [T in EventType]: ReturnType<typeof eventSchemaOf<T>> };

/** Whole events, by type without prefix. They take unknown fields, and leave them out of what they return. */
export const eventSchemas = Object.fromEntries(
  (Object.keys(eventTypes) as EventType[]).map((type) => [type, eventSchemaOf(type)]),
) as unknown as EventSchemas;

/** A whole event of one type, or of several: `EventOf<"session.started" | "session.ended">`. */
export type EventOf<T extends EventType> = { [K in T]: z.infer<EventSchemas[K]> }[T];

/** A whole event; `event.type === "sluice.session.ended"` tells which `data` it has. */
export type SluiceEvent = EventOf<EventType>;
