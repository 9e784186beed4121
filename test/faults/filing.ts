/** Where the event of a call belongs, and what it must say of it: worked out from the call alone. */
import { clientId, sessionKey } from "../../src/events/ids.ts";
import type { Stream } from "../../src/events/streams.ts";
import type { Call, OpName } from "../app/call-mix.ts";
import type { Seen } from "./witness.ts";

export const streamOfOp: Readonly<Record<OpName, Stream>> = {
  Login: "logins",
  NewProxy: "proxies",
  CloseProxy: "proxies",
  Ping: "heartbeats",
  NewWorkConn: "work-conns",
  NewUserConn: "user-sessions",
  CloseUserConn: "user-sessions",
};

/** Of a bridge whose `node` has its default. */
export function keyOf({ op, user, body }: Call): string {
  const { content } = JSON.parse(body);
  const client = clientId(content.user.run_id ?? "");
  const session = (): string =>
    sessionKey("frps", client, content.proxy_name, content.remote_addr.replace(/:(\d+)$/, " $1"));
  const keys: Record<OpName, () => string> = {
    Login: () => user,
    NewProxy: () => content.proxy_name,
    CloseProxy: () => content.proxy_name,
    Ping: () => client,
    NewWorkConn: () => client,
    NewUserConn: session,
    CloseUserConn: session,
  };
  return keys[op]();
}

/** Events that stand on another topic or key than their call's, tell of another user or op, or whose key has moved. */
export function misfiledOf(
  seen: readonly Seen[],
  calls: ReadonlyMap<string, Call>,
  topicPrefix: string,
): Seen[] {
  const partitions = new Map<string, number>();
  return seen.filter((record) => {
    const { id, supersedes, standsFor, derivedFrom, topic, key, user, op, partition } = record;
    if (standsFor !== undefined) return false;
    const name = `${topic} ${key}`;
    const first = partitions.get(name) ?? partition;
    partitions.set(name, first);
    if (first !== partition) return true;
    if (derivedFrom !== undefined) return isDerivedMisfiled(record, calls.get(derivedFrom), topicPrefix);
    const call = calls.get(supersedes ?? id);
    if (call === undefined) return false;
    const rightly = topic === topicPrefix + streamOfOp[call.op] && key === keyOf(call);
    return !rightly || user !== call.user || op !== call.op;
  });
}

/** What is derived stands with what it is derived from: an end with its start, and a confirmation with its Login. */
function isDerivedMisfiled(
  { type, topic, key, user }: Seen,
  call: Call | undefined,
  topicPrefix: string,
): boolean {
  if (call === undefined) return false;
  const [stream, ownKey] =
    type === "sluice.session.ended" ? ["user-sessions", keyOf(call)] : ["logins", call.user];
  return topic !== topicPrefix + stream || key !== ownKey || user !== call.user;
}
