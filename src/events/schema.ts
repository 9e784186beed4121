/**
 * Every event that Sluice publishes, as zod schemas: the one source of the types, of the tests that judge
 * what was published, and of the contract for consumers.
 *
 * CloudEvents 1.0, structured JSON. Extension names are lower-case letters and digits only, as CloudEvents
 * asks; numbers that can outgrow 32 bits travel as text.
 */
import { z } from "zod";
import type { Stream } from "./streams.ts";

export const typePrefix = "sluice.";

const count = z.int().nonnegative();
const sixteenDigits = z.string().regex(/^\d{16}$/);
const span = z.strictObject({ first: count, last: count.nullable() });
const spans = z.record(z.string(), span);
const revisions = z.strictObject({ from: z.string(), to: z.string() });

const check = z.strictObject({
  rule: z.string(),
  condition: z.string(),
  result: z.enum(["pass", "fail", "skip"]),
  seen: z.string().optional(),
});

const outcome = { reason: z.string(), code: z.string(), rule: z.string().nullable() };

export const opData = z.strictObject({
  protocol: z.enum(["frp", "prox"]),
  node: z.string(),
  op: z.string(),
  reqid: z.string().nullable(),
  user: z.string().nullable(),
  client: z.string().nullable(),
  proxy: z.strictObject({ name: z.string(), type: z.string().nullable() }).nullable(),
  remote: z.strictObject({ ip: z.string().nullable(), port: z.int().nullable() }).nullable(),
  session: z.strictObject({ id: z.uuid().nullable(), key: z.uuid() }).nullable(),
  decision: z.strictObject({
    effect: z.enum(["allowed", "refused", "recorded"]),
    ...outcome,
    revision: z.string(),
    checks: z.array(check),
    wouldRefuse: z.strictObject(outcome).optional(),
  }),
  /** Fields that the answer changed, by native name. */
  rewrite: z.record(z.string(), z.strictObject({ from: z.unknown(), to: z.unknown() })).nullable(),
  /** The op as it came, redacted. */
  content: z.record(z.string(), z.unknown()),
});

const malformedData = z.strictObject({
  protocol: z.enum(["frp", "prox"]),
  node: z.string(),
  /** `login_flood` counts logins beyond http.loginsPerMinute; the rest say why a body was no op. */
  reason: z.enum(["not_json", "not_utf8", "too_large", "no_op", "bad_content", "cut_off", "login_flood"]),
  /** Bytes received; of a body that was too large, those read before it was refused. */
  length: count.nullable(),
  sha256: z.string().nullable(),
  peer: z.string().nullable(),
  /** How many of the same reason and peer were left out since the last such event. */
  suppressed: count,
});

const lossData = z.strictObject({
  epoch: z.string(),
  cause: z.enum(["journal_full", "journal_io", "journal_damaged", "killed_while_failing"]),
  journalseq: span,
  topics: spans,
  count: count.nullable(),
});

const startedData = z.strictObject({
  version: z.string(),
  previous: z.strictObject({ epoch: z.string(), topics: spans }).nullable(),
  policy: z.strictObject({
    source: z.enum(["redis", "file"]),
    available: z.boolean(),
    rules: count,
    revision: z.string(),
  }),
  kafka: z.boolean(),
  topics: spans,
});

const stoppedData = z.strictObject({ reason: z.string(), topics: spans });
const progressData = z.strictObject({ journalseq: count, topics: spans });

const policyChangedData = z.strictObject({
  key: z.string(),
  before: z.unknown(),
  after: z.unknown(),
  cause: z.enum(["written", "deleted", "expired", "resync", "accepted"]),
  revision: revisions,
});
const policyRejectedData = z.strictObject({ key: z.string(), problem: z.string(), revision: revisions });
const policyEmptiedData = z.strictObject({ rulesKept: count, revision: revisions });

/** Each type (without prefix), the stream it goes to, and its data. */
export const eventTypes = {
  "login.allowed": { stream: "logins", data: opData },
  "login.refused": { stream: "logins", data: opData },
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
export type OpData = z.infer<typeof opData>;

const attributes = {
  specversion: z.literal("1.0"),
  id: z.uuid(),
  source: z.string().startsWith("/"),
  subject: z.string().min(1).optional(),
  time: z.iso.datetime({ precision: 3 }),
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
