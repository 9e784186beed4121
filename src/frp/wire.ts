/**
 * frp's server-plugin wire: a body becomes an Op here, and nothing past this file knows its shape.
 * Source of the facts: frp v0.70 pkg/plugin/server/types.go; fields are left out when empty, `metas` is null.
 */
import { isUtf8 } from "node:buffer";
import { clientId } from "../events/ids.ts";
import { parseJson } from "../exact-json.ts";
import type { ClientInfo, Op, ProxyFacts, ProxyOptions, Remote } from "../op.ts";
import { parseRemote } from "../policy/addresses.ts";
import { joinedSubdomain, requestedDomains } from "../policy/domains.ts";
import { trafficIn } from "./traffic.ts";

/** Whether a content has the shape in which frps sends it, of which the rest of this file makes use. */
type Shape = (content: Record<string, unknown>) => boolean;

const ofUser: Shape = ({ user }) =>
  user === undefined || (isObject(user) && isText(user.user) && isText(user.run_id) && isMetas(user.metas));
const ofClient: Shape = (content) => ofUser(content) && isText(content.run_id);
const ofProxy: Shape = (content) =>
  ofUser(content) && isText(content.proxy_name) && isText(content.proxy_type);
const ofUserConn: Shape = (content) => ofProxy(content) && isText(content.remote_addr);

/** Written by hand: a schema took as long for each op as its decision (test/bench). */
const contents = {
  Login: ({ user, run_id, client_address, metas }) =>
    isText(user) && isText(run_id) && isText(client_address) && isMetas(metas),
  NewProxy: (content) =>
    ofProxy(content) &&
    isText(content.subdomain) &&
    isTexts(content.custom_domains) &&
    isPort(content.remote_port),
  CloseProxy: ofProxy,
  Ping: ofClient,
  NewWorkConn: ofClient,
  NewUserConn: ofUserConn,
  CloseUserConn: ofUserConn,
} as const satisfies Record<string, Shape>;

export type FrpOpName = keyof typeof contents;

/** Ops about a proxy: frp leaves an empty name out, so an absent one is empty, and is asked about all the same. */
const aboutProxy: ReadonlySet<string> = new Set<FrpOpName>([
  "NewProxy",
  "CloseProxy",
  "NewUserConn",
  "CloseUserConn",
]);

const unrefusable: ReadonlySet<string> = new Set<FrpOpName>(["CloseProxy", "CloseUserConn"]);

/** Of an op that nobody knows, only what has the shape that every op so far had is taken. */
interface AnyContent {
  readonly user?: unknown;
  readonly run_id?: unknown;
  readonly proxy_name?: unknown;
  readonly proxy_type?: unknown;
  readonly remote_addr?: unknown;
  readonly client_address?: unknown;
  readonly custom_domains?: unknown;
  readonly subdomain?: unknown;
  readonly remote_port?: unknown;
  readonly use_encryption?: unknown;
  readonly metas?: unknown;
  readonly hostname?: unknown;
  readonly version?: unknown;
}

export type MalformedReason = "not_json" | "not_utf8" | "no_op" | "bad_content";
export type Parsed =
  | { readonly ok: true; readonly op: Op }
  | { readonly ok: false; readonly reason: MalformedReason };

export interface Call {
  readonly node: string;
  /** This frps's subDomainHost, where it is set. */
  readonly subdomainHost: string | undefined;
  readonly reqid: string | null;
  readonly atMs: number;
}

export function parseOp(body: Buffer, call: Call): Parsed {
  if (!isUtf8(body)) return { ok: false, reason: "not_utf8" };
  let envelope: { op?: unknown; content?: unknown } | null;
  try {
    envelope = parseJson(body.toString("utf8")) as typeof envelope;
  } catch {
    return { ok: false, reason: "not_json" };
  }
  if (!isObject(envelope) || typeof envelope.op !== "string" || envelope.op === "")
    return { ok: false, reason: "no_op" };
  const content = envelope.content;
  if (!isObject(content)) return { ok: false, reason: "bad_content" };
  const name = nativeName(envelope.op, content);
  const known = Object.hasOwn(contents, name);
  if (known && !contents[name as FrpOpName](content)) return { ok: false, reason: "bad_content" };
  return { ok: true, op: opOf(name, known, content, call) };
}

/**
 * The op that an event tells of, as far as its redacted content does: what stands under `metas` may be masked.
 *
 * @param content of the event, whose run id has become the client's public id
 * @param client that id, as the event names it
 */
export function recordedOp(
  name: string,
  client: string | null,
  content: Readonly<Record<string, unknown>>,
  call: Call,
): Op {
  return { ...opOf(name, Object.hasOwn(contents, name), content, call), client };
}

/** frps 0.32.1 to 0.46.0 send NewWorkConn under the name of Ping; the run id beside `user` gives it away. */
function nativeName(op: string, content: AnyContent): string {
  return op === "Ping" && typeof content.run_id === "string" ? "NewWorkConn" : op;
}

interface NestedUser {
  readonly user?: unknown;
  readonly run_id?: unknown;
  readonly metas?: unknown;
}

function opOf(name: string, known: boolean, content: AnyContent & Record<string, unknown>, call: Call): Op {
  // Login names its user by a text, every other op by an object.
  const nested = isObject(content.user) ? (content.user as NestedUser) : null;
  const runId = textOf(nested ? nested.run_id : content.run_id) || textOf(content.run_id);
  // What NewProxy holds beside its user are the metas of the proxy.
  const metas = nested ? nested.metas : name === "Login" || !known ? content.metas : null;
  const remote = remoteOf(content);
  const namesUser = known || nested !== null || typeof content.user === "string";
  return {
    protocol: "frp",
    node: call.node,
    name,
    known,
    refusable: !unrefusable.has(name),
    reqid: call.reqid,
    user: namesUser ? textOf(nested ? nested.user : content.user) : null,
    client: runId === "" ? null : clientId(runId),
    proxy: proxyOf(content, aboutProxy.has(name), call.subdomainHost),
    proxyOptions: name === "NewProxy" ? proxyOptionsOf(content, call.subdomainHost) : null,
    remote,
    metas: isObject(metas) ? metas : null,
    clientInfo: name === "Login" ? clientInfoOf(content, remote) : null,
    traffic: name === "CloseUserConn" ? trafficIn(content) : null,
    prox: null,
    content,
    atMs: call.atMs,
  };
}

function proxyOf(content: AnyContent, always: boolean, subdomainHost: string | undefined): ProxyFacts | null {
  if (typeof content.proxy_name !== "string" && !always) return null;
  const type = textOf(content.proxy_type);
  const custom = Array.isArray(content.custom_domains)
    ? content.custom_domains.filter((d) => typeof d === "string")
    : [];
  const subdomain = textOf(content.subdomain);
  const domains = requestedDomains(custom, subdomain, subdomainHost ?? null);
  return {
    name: textOf(content.proxy_name),
    type: type === "" ? null : type,
    domains,
    remotePort: portOf(content.remote_port),
  };
}

/** Null for 0. No port is too wide for a number, but a client may ask for what is none. */
function portOf(written: unknown): number | null {
  const port = JSON.isRawJSON(written) ? Number(JSON.stringify(written)) : written;
  return typeof port === "number" && port !== 0 ? port : null;
}

function proxyOptionsOf(content: AnyContent, subdomainHost: string | undefined): ProxyOptions {
  const label = textOf(content.subdomain);
  return {
    encrypted: content.use_encryption === true,
    subdomain: label === "" ? null : { label, domain: joinedSubdomain(label, subdomainHost ?? null) },
  };
}

function clientInfoOf(content: AnyContent, remote: Remote | null): ClientInfo {
  return {
    address: remote?.ip ?? null,
    port: remote?.port ?? null,
    hostname: shortText(content.hostname),
    version: shortText(content.version),
  };
}

function remoteOf(content: AnyContent): Remote | null {
  const address = content.remote_addr ?? content.client_address;
  return typeof address === "string" && address !== "" ? parseRemote(address) : null;
}

/** What goes into every event of a client is kept short: the client chooses it. */
function shortText(value: unknown): string | null {
  const text = textOf(value);
  // A part of a text keeps all of it in memory.
  return (text.length > 255 ? Buffer.from(text.slice(0, 255)).toString() : text.toWellFormed()) || null;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** What frp leaves out when it is empty. */
function isText(value: unknown): boolean {
  return value === undefined || typeof value === "string";
}

function isTexts(value: unknown): boolean {
  return value == null || (Array.isArray(value) && value.every((one) => typeof one === "string"));
}

function isMetas(value: unknown): boolean {
  return value == null || isObject(value);
}

/** One that is no number would look like one that frps chooses. */
function isPort(value: unknown): boolean {
  return value == null || typeof value === "number" || JSON.isRawJSON(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value);
}
