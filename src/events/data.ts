/**
 * The `data` of every event, as zod schemas. Numbers that can outgrow 32 bits travel as text in attributes only.
 *
 * Fields that are not named here pass, since a consumer reads what a newer Sluice wrote; that none is published is
 * for the tests to judge, which make strict ones of these (test/events/strict.ts).
 */
import { z } from "zod";

/** As z.object; declared by this, a field keeps its comment for the editors of consumers. */
export function object<T extends z.ZodRawShape>(shape: T): z.ZodObject<T, z.core.$strip> {
  return z.object(shape) as unknown as z.ZodObject<T, z.core.$strip>;
}

const count = z.int().nonnegative();
export const moment = z.iso.datetime({ precision: 3 });
const span = object({ first: count, last: count.nullable() });
const spans = z.record(z.string(), span);
const revisions = object({ from: z.string(), to: z.string() });

const check = object({
  rule: z.string(),
  condition: z.string(),
  result: z.enum(["pass", "fail", "skip", "not_enforceable"]),
  seen: z.string().optional(),
  /** Of a condition that counts: how many there were, without this op. */
  count: count.optional(),
  /** And from how many on it fails. */
  limit: count.optional(),
});

const outcome = { reason: z.string(), code: z.string(), rule: z.string().nullable() };

const protocol = z.enum(["frp", "prox"]);
const remote = object({ ip: z.string().nullable(), port: z.int().nullable() }).nullable();

const clientInfo = object({
  address: z.string().nullable(),
  port: z.int().nullable(),
  hostname: z.string().nullable(),
  /** Of frpc. */
  version: z.string().nullable(),
}).nullable();

/** Type, port and domains as its NewProxy said them, also where the op itself does not. */
const proxy = object({
  name: z.string(),
  type: z.string().nullable(),
  /** null where there is none, or frps chose one, which it never tells. */
  remotePort: z.number().nullable(),
  domains: z.array(z.string()),
});

/** Bytes; in is from the user. */
const traffic = object({ in: count.nullable(), out: count.nullable() }).nullable();

/** What prox says of a connection or a request; null where it does not. */
const prox = object({
  /** `web:0` */
  route: z.string().nullable(),
  /** Asked for: in lower case, without a trailing dot, in punycode. */
  domain: z.string().nullable(),
  method: z.string().nullable(),
  /** At most 2048 characters; the query stands in `content`, redacted. */
  path: z.string().nullable(),
  target: z.string().nullable(),
  /** Of the upstream's response. */
  status: z.number().nullable(),
});

/** How surely one event was found to belong to another. */
const pairing = z.enum(["exact", "likely", "ambiguous", "none"]);

/**
 * The request that a response, or an end, belongs to: prox gives none of them an id.
 *
 * `exact`: the only one open of that route and address. `ambiguous`: the likeliest of several, as with HTTP/2. `none`:
 * none is known, and `id`, the event id of its request.allowed (or .refused, where a fallback answered), is null.
 */
const request = object({ id: z.uuid().nullable(), pairing });

export const opData = object({
  protocol,
  node: z.string(),
  /** Native name: `NewProxy`, `on_request`. */
  op: z.string(),
  /** frps's id of the call. */
  reqid: z.string().nullable(),
  user: z.string().nullable(),
  /** `c_` and 16 hex digits; another at each start of frpc. */
  client: z.string().nullable(),
  /** Of the client, as its Login said it; null where that Login is not known. */
  clientInfo,
  proxy: proxy.nullable(),
  /** Of a Login the client's address, of a user connection or a request the visitor's. */
  remote,
  /** Of prox alone. */
  prox: prox.optional(),
  /** `id` is the event id of the session's start; null when a close belongs to no session that is known. */
  session: object({ id: z.uuid().nullable(), key: z.uuid() }).nullable(),
  /** Of a response. */
  request: request.optional(),
  /** Bytes of the connection, with a close that tells of them. */
  bytes: traffic.optional(),
  decision: object({
    effect: z.enum(["allowed", "refused", "recorded"]),
    ...outcome,
    revision: z.string(),
    checks: z.array(check),
    wouldRefuse: object(outcome).optional(),
  }),
  /** Fields that the answer changed, by native name; of prox by the names of rules, also where it says how it refused. */
  rewrite: z.record(z.string(), object({ from: z.unknown(), to: z.unknown() })).nullable(),
  /** The op as it came, redacted. */
  content: z.record(z.string(), z.unknown()),
});

export const requestCompletedData = object({
  ...opData.shape,
  request,
  /** Of the request; where prox writes no log it counts none that go out, and says 0. */
  bytes: traffic,
  /** Milliseconds, as prox counted them. */
  durationMs: count.nullable(),
});

export const loginConfirmedData = object({
  protocol,
  node: z.string(),
  user: z.string().nullable(),
  client: z.string(),
  clientInfo,
  /**
   * `exact`: the Login had this client's run id. `likely`: the only admitted one of that node, user and metas that
   * was not confirmed yet. `ambiguous`: one of several; clientInfo then holds what all of them say alike.
   */
  pairing,
  /** The event id of the Login; null when ambiguous or unknown. */
  login: z.uuid().nullable(),
  /** The first op that frps asked about for this client. */
  confirmedBy: object({ id: z.uuid(), op: z.string() }),
});

export const endReasons = {
  closed: "CloseUserConn said so",
  overridden: "it never was: its start was refused after all, since it could not be recorded",
  proxy_closed: "its proxy was closed",
  client_gone: "its client logged in anew, or another one has its proxy now",
  frps_restarted: "several clients of its frps came back whose proxies had not been closed",
  replaced: "its address began another connection to the same proxy",
  max_age: "it was older than sessions.maxAgeMs",
  max_open: "there were more than sessions.maxOpen, and it was the oldest",
} as const;

export const sessionEndedData = object({
  protocol,
  node: z.string(),
  user: z.string().nullable(),
  client: z.string().nullable(),
  clientInfo,
  proxy,
  /** The visitor's address. */
  remote,
  /** `id` is the event id of its start, `key` the record's key. */
  session: object({ id: z.uuid(), key: z.uuid() }),
  /** What admitted it. */
  decision: object({ effect: z.literal("allowed"), ...outcome, revision: z.string() }),
  startedAt: moment,
  /** Of an inferred end: when the sign of it was seen. */
  endedAt: moment,
  /** Milliseconds; null where the end is inferred. */
  durationMs: count.nullable(),
  /** `wall` when the bridge was started anew in between. */
  durationClock: z.enum(["monotonic", "wall"]).nullable(),
  bytes: traffic,
  end: object({
    reason: z.enum(Object.keys(endReasons) as [EndReason, ...EndReason[]]),
    /** Nobody announced it. */
    inferred: z.boolean(),
    /** It was still open then. */
    notBefore: moment,
    /** It was over then; null where it may still be open. */
    notAfter: moment.nullable(),
    /** The event id of its session.closed. */
    closedBy: z.uuid().nullable(),
  }),
  /** How surely the close belongs to this session; `none` when there was no close. */
  pairing,
});

export type EndReason = keyof typeof endReasons;

export const malformedData = object({
  protocol,
  node: z.string(),
  /** `login_flood` counts logins beyond http.loginsPerMinute; the rest say why a body, or a frame, was no op. */
  reason: z.enum([
    "not_json",
    "not_utf8",
    "not_msgpack",
    "too_large",
    "no_op",
    "bad_content",
    "cut_off",
    "login_flood",
  ]),
  /** Bytes received; of what was too large, those read before it was refused. */
  length: count.nullable(),
  sha256: z.string().nullable(),
  peer: z.string().nullable(),
  /** How many of the same reason and peer were left out since the last such event. */
  suppressed: count,
});

export const lossData = object({
  epoch: z.string(),
  cause: z.enum(["journal_full", "journal_io", "journal_damaged", "killed_while_failing"]),
  journalseq: span,
  topics: spans,
  count: count.nullable(),
});

export const startedData = object({
  version: z.string(),
  previous: object({ epoch: z.string(), topics: spans }).nullable(),
  policy: object({
    source: z.enum(["redis", "file"]),
    available: z.boolean(),
    rules: count,
    revision: z.string(),
  }),
  kafka: z.boolean(),
  topics: spans,
  /** `events.publish`: by type, of which only a share is published, that share. What is left out gets no number. */
  publish: z.record(z.string(), z.number()).optional(),
});

/** By type, how many events `events.publish` has left out since the start of this epoch. */
const leftOut = z.record(z.string(), count).optional();

export const stoppedData = object({ reason: z.string(), topics: spans, leftOut });
export const progressData = object({ journalseq: count, topics: spans, leftOut });

export const policyChangedData = object({
  key: z.string(),
  before: z.unknown(),
  after: z.unknown(),
  cause: z.enum(["written", "deleted", "expired", "resync", "accepted"]),
  /** Who wrote it, where the new rule says so. */
  by: z.string().nullable().optional(),
  revision: revisions,
});
export const policyRejectedData = object({
  key: z.string(),
  problem: z.string(),
  revision: revisions,
});
export const policyEmptiedData = object({ rulesKept: count, revision: revisions });

export type OpData = z.infer<typeof opData>;
export type SessionEnded = z.infer<typeof sessionEndedData>;
export type LoginConfirmed = z.infer<typeof loginConfirmedData>;
export type Pairing = z.infer<typeof pairing>;
