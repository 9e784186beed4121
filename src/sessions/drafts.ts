/** The events that are derived: a session's end, and that a client got in. */
import type { EndReason, Pairing, SessionEnded } from "../events/data.ts";
import { type Draft, factDraft, isoTime, type Origin } from "../events/draft.ts";
import { confirmedId, endId } from "../events/ids.ts";
import { proxyData, subjectOf } from "../events/render.ts";
import type { Client, Confirmation, Session } from "./session.ts";

/** How a session came to its end. */
export interface End {
  readonly reason: EndReason;
  readonly inferred: boolean;
  /** Wall clock. */
  readonly atMs: number;
  readonly notBeforeMs: number;
  readonly notAfterMs: number | null;
  readonly durationMs: number | null;
  readonly pairing: Pairing;
  /** Whether it takes the place of an inferred end. */
  readonly late: boolean;
}

export function endedDraft(session: Session, end: End, origin: Origin): Draft {
  const { id, key, setting, remote, grounds, close } = session;
  const { protocol, node, user, client, clientInfo, proxy } = setting;
  const data: SessionEnded = {
    protocol,
    node,
    user,
    client,
    clientInfo,
    proxy: proxyData(proxy),
    remote,
    session: { id, key },
    decision: { effect: "allowed", ...grounds },
    startedAt: isoTime(session.startedMs),
    endedAt: isoTime(end.atMs),
    durationMs: end.durationMs,
    durationClock: end.durationMs === null ? null : session.measured ? "monotonic" : "wall",
    bytes: close?.traffic ?? null,
    end: {
      reason: end.reason,
      inferred: end.inferred,
      notBefore: isoTime(end.notBeforeMs),
      notAfter: end.notAfterMs === null ? null : isoTime(end.notAfterMs),
      closedBy: close?.id ?? null,
    },
    pairing: end.pairing,
  };
  const about = {
    id: endId(id, end.inferred),
    source: `/${protocol}/${node}`,
    subject: subjectOf(user, proxy.name),
    key,
    atMs: end.atMs,
    policyrev: grounds.revision,
    supersedes: end.late ? endId(id, true) : undefined,
    naming: setting.naming ?? "",
  };
  return factDraft("session.ended", about, origin, () => data);
}

export function confirmedDraft(
  client: Client,
  confirmation: Confirmation,
  naming: string,
  origin: Origin,
): Draft {
  const { node, user, id, info } = client;
  const { by, atMs, pairing, login } = confirmation;
  const about = {
    id: confirmedId(by.id),
    source: `/frp/${node}`,
    subject: subjectOf(user, null),
    // As its Login has it, so that both stand in one partition.
    key: user === null || user === "" ? node : user,
    atMs,
    naming,
  };
  const data = {
    protocol: "frp" as const,
    node,
    user,
    client: id,
    clientInfo: info,
    pairing,
    login,
    confirmedBy: by,
  };
  return factDraft("login.confirmed", about, origin, () => data);
}
