/** The open sessions as operators see them, filtered. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { isoTime } from "../events/draft.ts";
import type { ClientInfo, Remote } from "../op.ts";
import { contains, type Network } from "../policy/addresses.ts";
import type { Session } from "./session.ts";
import type { Sessions } from "./sessions.ts";

/** Looked at before others get a turn. */
const pieceSessions = 20_000;

export interface SessionFilter {
  /** One of these; so the proxies and the networks. */
  readonly users?: readonly string[] | undefined;
  readonly proxies?: readonly string[] | undefined;
  readonly node?: string | undefined;
  readonly networks?: readonly Network[] | undefined;
  /** How many are listed at most; all are counted. */
  readonly limit: number;
}

/**
 * `open` where frps is known to tell ends of that proxy type; `ending` when its proxy or its client has gone, and its
 * close may still come; elsewhere nobody knows.
 */
type SessionState = "open" | "ending" | "unknown";

export interface ListedSession {
  readonly id: string;
  readonly key: string;
  readonly state: SessionState;
  readonly node: string;
  readonly user: string | null;
  readonly client: string | null;
  readonly clientInfo: ClientInfo | null;
  readonly proxy: { readonly name: string; readonly type: string | null };
  readonly remote: Remote | null;
  readonly rule: string | null;
  readonly code: string;
  readonly startedAt: string;
  readonly ageMs: number;
}

export interface SessionList {
  readonly at: string;
  /** Of all that the filter lets through. */
  readonly open: number;
  readonly ending: number;
  readonly unknown: number;
  /** Newest first. */
  readonly sessions: readonly ListedSession[];
}

export async function listSessions(
  { open }: Sessions,
  filter: SessionFilter,
  nowMs: number,
  monotonicMs: number,
): Promise<SessionList> {
  const counts = { open: 0, ending: 0, unknown: 0 };
  const sessions: ListedSession[] = [];
  const all = open.all();
  for (let at = all.length - 1; at >= 0; at--) {
    if (at % pieceSessions === 0) await nextTurn();
    const session = all[at]!;
    if (session.over || !isMeant(session, filter)) continue;
    const state = stateOf(session);
    counts[state]++;
    if (sessions.length < filter.limit) sessions.push(listed(session, state, monotonicMs));
  }
  return { at: isoTime(nowMs), ...counts, sessions };
}

function stateOf({ through: { kind, leaving }, order }: Session): SessionState {
  if (leaving !== null && order <= leaving.throughOrder) return "ending";
  return kind.announced ? "open" : "unknown";
}

function isMeant({ setting, remote }: Session, { users, proxies, node, networks }: SessionFilter): boolean {
  if (users !== undefined && (setting.user === null || !users.includes(setting.user))) return false;
  if (proxies !== undefined && !proxies.includes(setting.proxy.name)) return false;
  if (node !== undefined && setting.node !== node) return false;
  const ip = remote?.ip;
  return networks === undefined || (ip != null && networks.some((network) => contains(network, ip)));
}

function listed(session: Session, state: SessionState, monotonicMs: number): ListedSession {
  const { id, key, setting, remote, grounds, startedMs, startedMonotonicMs } = session;
  const { node, user, client, clientInfo, proxy } = setting;
  return {
    id,
    key,
    state,
    node,
    user,
    client,
    clientInfo,
    proxy: { name: proxy.name, type: proxy.type },
    remote,
    rule: grounds.rule,
    code: grounds.code,
    startedAt: isoTime(startedMs),
    ageMs: Math.max(0, Math.round(monotonicMs - startedMonotonicMs)),
  };
}
