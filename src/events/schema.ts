/**
 * Every event that Sluice publishes, as zod schemas: the one source of the types, of the tests that judge
 * what was published, and of the contract for consumers.
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
  opData,
  policyChangedData,
  policyEmptiedData,
  policyRejectedData,
  progressData,
  sessionEndedData,
  startedData,
  stoppedData,
} from "./data.ts";
import type { Stream } from "./streams.ts";

export const typePrefix = "sluice.";

const sixteenDigits = z.string().regex(/^\d{16}$/);

/** Each type (without prefix), the stream it goes to, and its data. */
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
  "op.unknown": { stream: "unknown", data: opData },
  "op.malformed": { stream: "unknown", data: malformedData },
  "policy.changed": { stream: "policy-changes", data: policyChangedData },
  "policy.rejected": { stream: "policy-changes", data: policyRejectedData },
  "policy.emptied": { stream: "policy-changes", data: policyEmptiedData },
  "bridge.started": { stream: "bridge", data: startedData },
  "bridge.stopped": { stream: "bridge", data: stoppedData },
  "bridge.gap": { stream: "bridge", data: lossData },
  "bridge.progress": { stream: "bridge", data: progressData },
} as const satisfies Record<string, { readonly stream: Stream; readonly data: z.ZodType }>;

export type EventType = keyof typeof eventTypes;
export type EventData<T extends EventType> = z.infer<(typeof eventTypes)[T]["data"]>;

const attributes = {
  specversion: z.literal("1.0"),
  id: z.uuid(),
  source: z.string().startsWith("/"),
  subject: z.string().min(1).optional(),
  time: moment,
  datacontenttype: z.literal("application/json"),
  op: z.string().optional(),
  decision: z.enum(["allowed", "refused", "recorded"]).optional(),
  policyrev: z.string().optional(),
  /** The id of an earlier event that this one takes the place of. */
  supersedes: z.uuid().optional(),
  instance: z.string().min(1),
  epoch: z.uuid(),
  sequence: sixteenDigits,
  journalseq: sixteenDigits,
  partitionkey: z.string().min(1),
};

/** `urn:sluice:event:login.allowed:1`: the contract that an event's data keeps. */
export function dataSchemaOf(type: EventType): string {
  return `urn:sluice:event:${type}:1`;
}

function eventSchemaOf<T extends EventType>(type: T) {
  return z.strictObject({
    ...attributes,
    type: z.literal(`${typePrefix}${type}`),
    dataschema: z.literal(dataSchemaOf(type)),
    data: eventTypes[type].data,
  });
}

/** A whole event of any type. */
export const anyEvent = z.discriminatedUnion(
  "type",
  (Object.keys(eventTypes) as EventType[]).map(eventSchemaOf) as unknown as [
    ReturnType<typeof eventSchemaOf>,
  ],
);
