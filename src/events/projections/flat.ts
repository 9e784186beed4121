/** Every event as one row of typed columns; its key is `event_id`. */
import { type SluiceEvent, typePrefix } from "../schema.ts";
import {
  always,
  bool,
  type Columns,
  type ConnectRow,
  int,
  long,
  payloadOf,
  schemaOf,
  text,
  time,
} from "./columns.ts";
import { type Facts, factsOf } from "./facts.ts";

/** What stands in both tables. Names that SQL has for itself (user, time) are avoided. */
export const common = {
  protocol: text((f) => f.protocol),
  node: text((f) => f.node),
  /** "" is the anonymous user of frp. */
  user_name: text((f) => f.user),
  client: text((f) => f.client),
  client_ip: text((f) => f.clientIp),
  client_port: int((f) => f.clientPort),
  client_hostname: text((f) => f.clientHostname),
  client_version: text((f) => f.clientVersion),
  proxy: text((f) => f.proxy),
  proxy_type: text((f) => f.proxyType),
  proxy_port: int((f) => f.proxyPort),
  /** Joined by a comma, which no domain holds. */
  proxy_domains: text((f) => (f.domains.length === 0 ? null : f.domains.join(","))),
  route: text((f) => f.route),
  domain: text((f) => f.domain),
  remote_ip: text((f) => f.remoteIp),
  remote_port: int((f) => f.remotePort),
  reason: text((f) => f.reason),
  rule: text((f) => f.rule),
  policy_revision: text((f) => f.revision),
  started_at: time((f) => f.startedMs),
  ended_at: time((f) => f.endedMs),
  duration_ms: long((f) => f.durationMs),
  bytes_in: long((f) => f.bytesIn),
  bytes_out: long((f) => f.bytesOut),
  end_reason: text((f) => f.endReason),
  end_inferred: bool((f) => f.endInferred),
  pairing: text((f) => f.pairing),
} satisfies Columns<Facts>;

/** Which record it was, and where it stood. */
export const origin = {
  supersedes: text((f) => f.supersedes),
  record_key: always(text((f) => f.key)),
  instance: always(text((f) => f.instance)),
  epoch: always(text((f) => f.epoch)),
  journalseq: always(long((f) => f.journalseq)),
} satisfies Columns<Facts>;

const columns: Columns<Facts> = {
  event_id: always(text((f) => f.id)),
  event_type: always(text((f) => typePrefix + f.type)),
  event_time: always(time((f) => f.timeMs)),
  source: always(text((f) => f.source)),
  subject: text((f) => f.subject),
  op: text((f) => f.op),
  decision: text((f) => f.effect),
  decision_code: text((f) => f.code),
  would_refuse: text((f) => f.wouldRefuse),
  ...common,
  session_id: text((f) => f.sessionId),
  session_key: text((f) => f.sessionKey),
  request_id: text((f) => f.requestId),
  login_id: text((f) => f.loginId),
  http_method: text((f) => f.method),
  http_path: text((f) => f.path),
  http_status: int((f) => f.status),
  http_target: text((f) => f.target),
  policy_key: text((f) => f.policyKey),
  policy_change: text((f) => f.change),
  changed_by: text((f) => f.changedBy),
  cause: text((f) => f.cause),
  problem: text((f) => f.problem),
  counted: long((f) => f.count),
  bridge_version: text((f) => f.version),
  ...origin,
  sequence: always(long((f) => f.sequence)),
};

export const flatSchema = schemaOf("sluice.flat", 1, columns);

/** @throws of a type that this release does not know */
export function toFlat(event: SluiceEvent): ConnectRow {
  return { schema: flatSchema, payload: payloadOf(columns, factsOf(event)) };
}
