/** From a hook to the Op that the bridge decides; nothing past this file knows prox's names. */
import { createHash } from "node:crypto";
import type { Op, ProxFacts } from "../op.ts";
import { parseRemote } from "../policy/addresses.ts";
import { requestedDomains } from "../policy/domains.ts";
import type { Call, Envelope } from "./envelope.ts";
import { type HookName, hooks } from "./payloads.ts";

/** prox asks before it lets in; what it tells of afterwards cannot be refused. */
const refusable: ReadonlySet<string> = new Set<HookName>(["on_connect", "on_request"]);

export interface Arrival {
  /** The name of the prox. */
  readonly node: string;
  readonly atMs: number;
}

export function opOf(call: Exclude<Envelope, { kind: "malformed" }>, { node, atMs }: Arrival): Op {
  const known = call.kind === "hook";
  const name = known ? call.hook : `hook_${call.type}`;
  const told = known ? toldOf(call) : {};
  const { address, facts = null, rx, tx } = told;
  return {
    protocol: "prox",
    node,
    name,
    known,
    refusable: refusable.has(name),
    reqid: null,
    user: null,
    client: null,
    proxy: null,
    proxyOptions: null,
    remote: address ? parseRemote(address) : null,
    metas: null,
    clientInfo: null,
    traffic: name === "on_disconnect" ? { in: countIn(rx), out: countIn(tx) } : null,
    prox: facts,
    content: contentOf(call.payload),
    atMs,
  };
}

/**
 * The op that an event tells of, or somebody who asks what would become of it: in its content bodies are no bytes any more.
 *
 * @returns null for a content that prox never sends with this hook
 */
export function recordedHook(
  name: string,
  content: Readonly<Record<string, unknown>>,
  arrival: Arrival,
): Op | null {
  const hook = Object.values(hooks).find((one) => one.name === name);
  if (hook === undefined) return { ...opOf({ kind: "unknown", type: 0, payload: content }, arrival), name };
  const { req } = content as { readonly req?: unknown };
  const payload = withoutBody(isMap(req) ? { ...content, req: withoutBody(req) } : content);
  if (!hook.payload.safeParse(payload).success) return null;
  return { ...opOf({ kind: "hook", hook: hook.name, payload } as Call, arrival), content };
}

function withoutBody({ bd: _body, ...rest }: Readonly<Record<string, unknown>>): object {
  return rest;
}

interface Told {
  readonly address?: string | null | undefined;
  readonly facts?: ProxFacts;
  readonly rx?: number | null | undefined;
  readonly tx?: number | null | undefined;
}

function toldOf(call: Call): Told {
  switch (call.hook) {
    case "on_connect": {
      const { r, d, a } = call.payload;
      return { address: a, facts: { ...nothing, route: r || null, domain: domainOf(d) } };
    }
    case "on_request":
      return { address: call.payload.a, facts: requestFacts(call.payload) };
    case "on_response": {
      const { req, resp } = call.payload;
      return { address: req?.a, facts: { ...requestFacts(req ?? {}), status: resp?.s ?? null } };
    }
    case "on_disconnect": {
      const { r, tg, a, rx, tx, ms } = call.payload;
      const facts = { ...nothing, route: r || null, target: tg || null, durationMs: countIn(ms) };
      return { address: a, facts, rx, tx };
    }
  }
}

const nothing: ProxFacts = Object.freeze({
  route: null,
  domain: null,
  method: null,
  path: null,
  query: null,
  version: null,
  target: null,
  status: null,
  durationMs: null,
});

type Request = NonNullable<Extract<Call, { hook: "on_response" }>["payload"]["req"]>;

function requestFacts({ r, d, m, p, q, pr, tg }: Request): ProxFacts {
  return {
    route: r || null,
    domain: domainOf(d),
    method: m || null,
    path: p || null,
    query: q || null,
    version: pr || null,
    target: tg || null,
    status: null,
    durationMs: null,
  };
}

const port = /(?<=^[^:]+|\]):\d*$/;

/** Should a port ever come along, it would keep every domain rule from being met. */
function domainOf(written: string | null | undefined): string | null {
  return requestedDomains([(written ?? "").replace(port, "")], "", null)[0] ?? null;
}

/** prox counts in 64 bits, signed. */
function countIn(value: number | null | undefined): number | null {
  return Number.isSafeInteger(value) && value! >= 0 ? value! : null;
}

/** What is no map, of a hook that nobody knows, stands as one field. */
function contentOf(payload: unknown): Readonly<Record<string, unknown>> {
  const content = withoutBytes(payload);
  return isMap(payload) ? (content as Record<string, unknown>) : { payload: content };
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !ArrayBuffer.isView(value) && !Array.isArray(value);
}

/** Bodies never stand in an event, whatever field brings them and whatever events.redact says. */
function withoutBytes(value: unknown): unknown {
  if (value instanceof Uint8Array) {
    return { length: value.length, sha256: createHash("sha256").update(value).digest("hex") };
  }
  if (Array.isArray(value)) return value.map(withoutBytes);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, held]) => [name, withoutBytes(held)]));
}
