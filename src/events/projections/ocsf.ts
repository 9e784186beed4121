/** An event as OCSF 1.8, profile security_control; for SIEMs. Every type of event has a class. */
import { type SluiceEvent, typePrefix } from "../schema.ts";
import { type Facts, factsOf, messageOf, whyOf } from "./facts.ts";
import { type classes, classification, meanings } from "./ocsf-classes.ts";
import {
  connection,
  destination,
  type Fields,
  httpRequest,
  known,
  observables,
  source,
  span,
  traffic,
  user,
} from "./ocsf-objects.ts";
import { securityControl } from "./ocsf-security.ts";
import { forSinks } from "./sink-text.ts";

export const ocsfVersion = "1.8.0";

export interface OcsfEvent {
  readonly class_uid: number;
  readonly type_uid: number;
  readonly activity_id: number;
  readonly category_uid: number;
  readonly severity_id: number;
  readonly status_id: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly metadata: { readonly version: string; readonly uid: string } & Readonly<Record<string, unknown>>;
  readonly [attribute: string]: unknown;
}

const product = { name: "Sluice", vendor_name: "Sluice" };

/** What the class has beside what all have. */
const ofClass: Readonly<Record<keyof typeof classes, (facts: Facts) => Fields>> = {
  authentication: (facts) => ({
    user: user(facts) ?? user({ ...facts, user: "" }),
    service: { name: facts.node || facts.source },
    src_endpoint: source(facts),
    dst_endpoint: { svc_name: facts.node || facts.source },
    is_remote: true,
    session: known({ uid: facts.client }),
  }),
  tunnel: (facts) => ({
    user: user(facts),
    src_endpoint: source(facts),
    dst_endpoint: destination(facts),
    connection_info: connection(facts),
    tunnel_type_id: 99,
    tunnel_type: facts.proxyType ?? facts.protocol ?? "frp",
    session: known({ uid: facts.client }),
  }),
  network: (facts) => ({
    src_endpoint: source(facts),
    dst_endpoint: destination(facts),
    connection_info: connection(facts),
    cumulative_traffic: traffic(facts),
    ...span(facts),
  }),
  http: (facts) => ({
    src_endpoint: source(facts),
    dst_endpoint: destination(facts),
    connection_info: connection(facts),
    http_request: httpRequest(facts),
    http_response: facts.status === null ? undefined : { code: facts.status },
    cumulative_traffic: traffic(facts),
    ...span(facts),
  }),
  api: (facts) => ({
    actor: known({
      user: user(facts) ?? (facts.changedBy ? { name: facts.changedBy } : null),
      app_name: facts.node || facts.source,
    }),
    api: { operation: facts.op ?? facts.policyKey ?? facts.type, service: { name: facts.source } },
    src_endpoint: source(facts) ?? { svc_name: facts.source },
    resources: facts.policyKey === null ? undefined : [{ uid: facts.policyKey, type: "policy rule" }],
  }),
  lifecycle: (facts) => ({
    app: { ...product, ...known({ uid: facts.instance, version: facts.version }) },
  }),
};

/** @throws of a type that this release does not know */
export function toOcsf(event: SluiceEvent): OcsfEvent {
  const facts = factsOf(event);
  const { class: name, detail } = meanings[facts.type];
  const projected: Fields = {
    ...classification(facts),
    time: facts.timeMs,
    message: messageOf(facts),
    status_detail: detail ?? whyOf(facts) ?? undefined,
    count: facts.type === "op.malformed" ? 1 + (facts.count ?? 0) : undefined,
    metadata: {
      version: ocsfVersion,
      product,
      profiles: ["security_control"],
      uid: facts.id,
      correlation_uid: correlationOf(facts),
      event_code: typePrefix + facts.type,
      sequence: facts.journalseq,
      log_name: facts.stream,
      log_provider: facts.source,
    },
    ...securityControl(facts),
    ...ofClass[name](facts),
    unmapped: known({
      op: facts.op,
      subject: facts.subject,
      instance: facts.instance,
      epoch: facts.epoch,
      supersedes: facts.supersedes,
      pairing: facts.pairing,
      session_key: facts.sessionKey,
      end_inferred: facts.endInferred,
      counted: facts.count,
      domains: facts.domains.length > 1 ? facts.domains : null,
    }),
  };
  return forSinks({ ...projected, observables: observables(projected) }) as unknown as OcsfEvent;
}

/** The event that begins what this one belongs to: a session's start, a request, a Login; else its client. */
function correlationOf({ sessionId, requestId, loginId, client }: Facts): string | undefined {
  return sessionId ?? requestId ?? loginId ?? client ?? undefined;
}
