/**
 * What a journaled event says to the sessions: an op with its decision, as the bridge had it, or something that was
 * derived. The journal is our own, and its checksums hold, so its events are taken as they are.
 */
import type { Clock } from "../clock.ts";
import type { Decision } from "../decision.ts";
import type { LoginConfirmed, OpData, SessionEnded } from "../events/data.ts";
import type { Stream } from "../events/streams.ts";
import type { Op } from "../op.ts";
import type { Sessions } from "./sessions.ts";

/** Events of other streams tell the sessions nothing. */
export const toldBy: ReadonlySet<Stream> = new Set([
  "logins",
  "proxies",
  "heartbeats",
  "work-conns",
  "user-sessions",
]);

interface Event {
  readonly id: string;
  readonly type: string;
  readonly time: string;
  readonly supersedes?: string;
  readonly pseudonyms?: string;
  readonly data: unknown;
}

/**
 * Tells the sessions what an event of their own journal says.
 * @param json the event
 * @returns false when it says nothing to them
 * @throws when it is none of ours
 */
export function retell(sessions: Sessions, json: string, clock: Clock): boolean {
  const event = JSON.parse(json) as Event;
  if (event.type === "sluice.session.ended") {
    const { session, end } = event.data as SessionEnded;
    retellEnd(sessions, session, end);
    return true;
  }
  if (event.type === "sluice.login.confirmed") {
    const { node, client, clientInfo } = event.data as LoginConfirmed;
    const confirmed = sessions.roster.node(node).clients.get(client);
    if (confirmed) Object.assign(confirmed, { info: clientInfo, confirmed: true, confirming: null });
    return true;
  }
  const data = event.data as OpData;
  // An earlier release did not say what sessions are made of.
  if (data.protocol !== "frp" || data.decision === undefined || data.clientInfo === undefined) return false;
  sessions.nameBy(event.pseudonyms ?? "");
  const op = opOf(data, Date.parse(event.time));
  const context = { clientInfo: data.clientInfo, proxy: data.proxy, session: data.session };
  if (event.supersedes !== undefined) sessions.takeBack(op, event.supersedes, context);
  else {
    const monotonicMs = clock.monotonic() - Math.max(0, clock.now() - op.atMs);
    const set =
      data.rewrite && Object.fromEntries(Object.entries(data.rewrite).map(([name, { to }]) => [name, to]));
    const decision = { ...data.decision, ...(set && { set }) } as unknown as Decision;
    sessions.record(op, decision, event.id, context, monotonicMs);
  }
  return true;
}

function retellEnd(
  { open, late, overridden, roster }: Sessions,
  { key, id }: SessionEnded["session"],
  { inferred, reason }: SessionEnded["end"],
): void {
  const session = open.find(key, id);
  if (session) {
    open.remove(session);
    overridden.delete(session);
    if (inferred && reason !== "replaced") late.add(session);
    roster.node(session.setting.node).dropIfIdle(session.through);
    return;
  }
  const superseded = inferred ? undefined : late.find(key, id);
  if (superseded) late.remove(superseded);
}

function opOf(data: OpData, atMs: number): Op {
  const { protocol, node, op: name, reqid, user, client, clientInfo, proxy, remote, bytes } = data;
  return {
    protocol,
    node,
    name,
    known: true,
    refusable: data.decision.effect !== "recorded",
    reqid,
    user,
    client,
    proxy,
    proxyOptions: null,
    remote,
    // Masked in the event.
    metas: null,
    clientInfo: name === "Login" ? clientInfo : null,
    traffic: bytes ?? null,
    prox: null,
    content: {},
    atMs,
  };
}
