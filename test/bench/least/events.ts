/**
 * The events of a call as Sluice has them, made as plainly as can be: what an frps sends is believed, every op is allowed,
 * and of the ops before it is kept only what its event tells.
 */
import { digits, isoTime, type Origin } from "../../../src/events/draft.ts";
import { clientId, endId, opId, sessionKey } from "../../../src/events/ids.ts";

interface NestedUser {
  readonly user: string;
  readonly metas: Record<string, string>;
  run_id: string;
}

interface Content {
  /** A text in a Login. */
  readonly user: string | NestedUser;
  run_id?: string;
  privilege_key?: string;
  readonly metas?: Record<string, string>;
  readonly proxy_name?: string;
  readonly proxy_type?: string;
  readonly remote_addr?: string;
  readonly remote_port?: number;
  readonly custom_domains?: readonly string[];
  readonly client_address?: string;
  readonly hostname?: string;
  readonly version?: string;
}

/** What an frps sends (load/calls.ts). */
export interface Call {
  readonly op: string;
  readonly content: Content;
}

export interface Ids {
  readonly event: string;
  readonly client: string;
  /** Of a user connection. */
  readonly session: string | null;
  readonly remote: Remote | null;
}

interface Remote {
  readonly ip: string;
  readonly port: number;
}

interface Proxy {
  readonly name: string;
  readonly type: string | null;
  readonly remotePort: number | null;
  readonly domains: readonly string[];
}

const node = "frps";
/** The type of the op's event, the stream that counts it, and whether it can be refused. */
const kinds: Readonly<Record<string, readonly [type: string, stream: string, refusable: boolean]>> = {
  Login: ["login.allowed", "logins", true],
  NewProxy: ["proxy.allowed", "proxies", true],
  CloseProxy: ["proxy.closed", "proxies", false],
  Ping: ["heartbeat.allowed", "heartbeats", true],
  NewWorkConn: ["workconn.allowed", "work-conns", true],
  NewUserConn: ["session.started", "user-sessions", true],
  CloseUserConn: ["session.closed", "user-sessions", false],
};
const revision = "0".repeat(16);
const grounds = {
  effect: "allowed",
  reason: "allowed by default",
  code: "default_allow",
  rule: null,
  revision,
};
const allowed = { ...grounds, checks: [] };
const recorded = {
  effect: "recorded",
  reason: "this op cannot be refused",
  code: "not_refusable",
  rule: null,
  revision,
  checks: [],
};

export function idsOf({ op, content }: Call, reqid: string): Ids {
  const { user, proxy_name = "" } = content;
  const client = clientId(typeof user === "string" ? content.run_id! : user.run_id);
  const address = content.remote_addr ?? content.client_address;
  const remote = address === undefined ? null : remoteOf(address);
  const isUserConnection = op === "NewUserConn" || op === "CloseUserConn";
  return {
    event: opId(node, reqid, op),
    client,
    session: isUserConnection ? sessionKey(node, client, proxy_name, `${remote!.ip} ${remote!.port}`) : null,
    remote,
  };
}

function remoteOf(address: string): Remote {
  const colon = address.lastIndexOf(":");
  return { ip: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}

/** What stands in an event beside its data. */
interface About {
  readonly id: string;
  readonly type: string;
  readonly stream: string;
  readonly subject: string;
  readonly atMs: number;
  readonly partition: string;
}

interface OfOp {
  readonly op: string;
  readonly decision: string;
}

export class Events {
  readonly #origin: Origin;
  readonly #clients = new Map<string, object>();
  readonly #proxies = new Map<string, Proxy>();
  readonly #open = new Map<string, { readonly id: string; readonly startedMs: number }>();
  readonly #sequences = new Map<string, number>();
  #journalseq = 0;

  constructor(origin: Origin) {
    this.#origin = origin;
  }

  /** A line for the op, and one for the session that it ends. What is secret in the call is masked in its place. */
  of({ op, content }: Call, reqid: string, ids: Ids, atMs: number): string[] {
    const { event: id, client, session: key, remote } = ids;
    const [type, stream, refusable] = kinds[op]!;
    const user = typeof content.user === "string" ? content.user : content.user.user;
    const proxy = this.#proxyOf(op, content);
    const clientInfo = this.#clientInfoOf(op, content, client, remote);
    const subject = proxy === null ? user : `${user}/${proxy.name}`;
    const start = key === null ? undefined : this.#open.get(key);
    const decision = refusable ? allowed : recorded;
    const partition =
      stream === "logins" ? user : stream === "proxies" ? (proxy?.name ?? "") : (key ?? client);
    const data = {
      protocol: "frp",
      node,
      op,
      reqid,
      user,
      client,
      clientInfo,
      proxy,
      remote,
      session: key === null ? null : { id: op === "NewUserConn" ? id : (start?.id ?? null), key },
      decision,
      rewrite: null,
      content,
    };
    mask(content, client);
    const ofOp = { op, decision: decision.effect };
    const line = this.#line({ id, type, stream, subject, atMs, partition }, data, ofOp);
    if (key === null) return [line];
    if (op === "NewUserConn") {
      this.#open.set(key, { id, startedMs: atMs });
      return [line];
    }
    if (start === undefined) return [line];
    this.#open.delete(key);
    const ended = {
      protocol: "frp",
      node,
      user,
      client,
      clientInfo,
      proxy,
      remote,
      session: { id: start.id, key },
      decision: grounds,
      startedAt: isoTime(start.startedMs),
      endedAt: isoTime(atMs),
      durationMs: atMs - start.startedMs,
      durationClock: "monotonic",
      bytes: null,
      end: {
        reason: "closed",
        inferred: false,
        notBefore: isoTime(atMs),
        notAfter: isoTime(atMs),
        closedBy: id,
      },
      pairing: "exact",
    };
    const about = { id: endId(start.id, false), type: "session.ended", stream, subject, atMs, partition };
    return [line, this.#line(about, ended)];
  }

  #line(
    { id, type, stream, subject, atMs, partition }: About,
    data: object,
    { op, decision }: Partial<OfOp> = {},
  ): string {
    const sequence = (this.#sequences.get(stream) ?? 0) + 1;
    this.#sequences.set(stream, sequence);
    return JSON.stringify({
      specversion: "1.0",
      id,
      source: `/frp/${node}`,
      type: `sluice.${type}`,
      subject,
      time: isoTime(atMs),
      datacontenttype: "application/json",
      dataschema: `urn:sluice:event:${type}:1`,
      op,
      decision,
      policyrev: revision,
      instance: this.#origin.instance,
      epoch: this.#origin.epoch,
      sequence: digits(sequence),
      journalseq: digits(++this.#journalseq),
      partitionkey: partition,
      data,
    });
  }

  #clientInfoOf(
    op: string,
    { hostname, version }: Content,
    client: string,
    remote: Remote | null,
  ): object | null {
    if (op !== "Login") return this.#clients.get(client) ?? null;
    const info = { address: remote?.ip, port: remote?.port, hostname, version };
    this.#clients.set(client, info);
    return info;
  }

  #proxyOf(op: string, content: Content): Proxy | null {
    const { proxy_name: name, proxy_type: type = null } = content;
    if (name === undefined) return null;
    const known = this.#proxies.get(name);
    if (op !== "NewProxy")
      return {
        name,
        type: type ?? known?.type ?? null,
        remotePort: known?.remotePort ?? null,
        domains: known?.domains ?? [],
      };
    const said = {
      name,
      type,
      remotePort: content.remote_port ?? null,
      domains: content.custom_domains ?? [],
    };
    this.#proxies.set(name, said);
    return said;
  }
}

/** In place: nobody looks at the call again. */
function mask(content: Content, client: string): void {
  const { user } = content;
  if (typeof user === "string") {
    content.privilege_key = "***";
    maskMetas(content.metas!);
  } else {
    user.run_id = client;
    maskMetas(user.metas);
  }
  if (content.run_id !== undefined) content.run_id = client;
}

function maskMetas(metas: Record<string, string>): void {
  for (const name in metas) metas[name] = "***";
}
