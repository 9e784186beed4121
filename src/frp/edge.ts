/**
 * The HTTP edge for frps: a call in, an Op to the bridge, exactly one JSON object back.
 *
 * `POST {path}` and `POST {path}/:node`. The op is read from the body; neither the query string nor a content
 * type is needed, since frps 0.31 sends no query. Everything that is an op is answered with status 200.
 */
import type { IncomingMessage } from "node:http";
import type { HttpBindings } from "@hono/node-server";
import { type Context, Hono } from "hono";
import type { Clock } from "../clock.ts";
import { textOf } from "../errors.ts";
import { fingerprint, type MalformedReport } from "../malformed.ts";
import type { Answer, Op } from "../op.ts";
import { subscriberOf } from "../policy/facts.ts";
import { answerBody } from "./answers.ts";
import { type Body, BodyReader } from "./body.ts";
import type { Callers } from "./caller.ts";
import { MinuteCounts } from "./window.ts";
import { parseOp } from "./wire.ts";

export interface FrpEdgeParts {
  readonly path: string;
  readonly deadlineMs: number;
  /** Asked for each login; 0 is no limit. */
  readonly loginsPerMinute: () => number;
  readonly callers: Callers;
  readonly clock: Clock;
  readonly handle: (op: Op, deadlineMs: number) => Promise<Answer>;
  readonly malformed: (report: MalformedReport) => void;
  readonly observer: FrpEdgeObserver;
  /** True from the moment the bridge is told to stop: every answer then closes its connection. */
  readonly stopping: () => boolean;
}

export interface FrpEdgeObserver {
  /** A call that never became an op; never journaled when it was a wrong password. */
  turnedAway(status: number, problem: string, about: TurnedAway): void;
  /** A login beyond http.loginsPerMinute, which is no more than counted. */
  floodRefused(op: Op, reason: string, durationMs: number): void;
}

export interface TurnedAway {
  /** Null where it is not known, or was not let in; the path says then which it wanted to be. */
  readonly node: string | null;
  /** Of whoever calls: frps, or what stands before it. */
  readonly peer: string | null;
  readonly peerPort: number | null;
  readonly reqid: string | null;
  readonly method: string;
  /** Without the query; at most `mostPathChars`. */
  readonly path: string;
  /** Of the body, where it was read. */
  readonly length?: number;
  readonly sha256?: string;
  /** What went wrong inside. */
  readonly cause?: string;
  readonly ms: number;
}

type Ctx = Context<{ Bindings: HttpBindings }>;

export function frpEdge(parts: FrpEdgeParts): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>();
  const logins = new MinuteCounts(parts.clock);
  const bodies = new BodyReader();
  const answer = (c: Ctx): Promise<Response> =>
    answerCall({ c, cameMs: parts.clock.monotonic() }, parts, logins, bodies);
  app.post(parts.path, answer);
  app.post(parts.path === "/" ? "/:node" : `${parts.path}/:node`, answer);
  // Not as a route: with two that fit, Hono goes a longer way for each call.
  app.notFound((c) => {
    const ours = c.req.path === parts.path || c.req.path.startsWith(`${parts.path}/`);
    const call = { c: c as Ctx, cameMs: parts.clock.monotonic() };
    return ours
      ? turnAway(call, parts, 405, "only POST is answered here")
      : turnAway(call, parts, 404, "no such path");
  });
  app.onError((thrown, c) => {
    const call = { c: c as Ctx, cameMs: parts.clock.monotonic() };
    return turnAway(call, parts, 500, "the bridge failed", { cause: textOf(thrown) });
  });
  return app;
}

interface Call {
  readonly c: Ctx;
  /** Of the monotonic clock. */
  readonly cameMs: number;
}

async function answerCall(
  call: Call,
  parts: FrpEdgeParts,
  logins: MinuteCounts,
  bodies: BodyReader,
): Promise<Response> {
  const { c, cameMs } = call;
  const { incoming } = c.env;
  // As Node has them: Hono's own are made of all headers anew.
  const { headers } = incoming;
  const caller = parts.callers.identify(c.req.param("node"), headers.authorization);
  if (!caller.ok) return turnAway(call, parts, caller.status, caller.problem);
  const body = await bodies.read(incoming);
  if (body.kind !== "whole") return cutShort(call, parts, body, caller.node);
  const parsed = parseOp(body.bytes, {
    node: caller.node,
    subdomainHost: caller.subdomainHost,
    reqid: reqidOf(headers["x-frp-reqid"]),
    atMs: parts.clock.now(),
  });
  if (!parsed.ok) {
    const print = fingerprint(body.bytes);
    parts.malformed({ node: caller.node, reason: parsed.reason, peer: peerOf(incoming), ...print });
    return turnAway(call, parts, 400, `not an op: ${parsed.reason}`, { node: caller.node, ...print });
  }
  const flooded = isFlood(parsed.op, parts, logins);
  if (flooded) {
    parts.observer.floodRefused(parsed.op, tooManyLogins.reason, parts.clock.monotonic() - cameMs);
    parts.malformed({
      node: caller.node,
      reason: "login_flood",
      length: null,
      sha256: null,
      peer: subscriberOf(parsed.op.remote?.ip ?? "no address"),
    });
  }
  const answer = flooded ? tooManyLogins : await parts.handle(parsed.op, parts.deadlineMs);
  return c.body(answerBody(answer, body.bytes), 200, parts.stopping() ? jsonAndClose : json);
}

const json = { "content-type": "application/json" };
const jsonAndClose = { ...json, connection: "close" };
const tooManyLogins: Extract<Answer, { kind: "refuse" }> = {
  kind: "refuse",
  reason: "too many logins from this address",
};

/** frps sends 16 hex digits; what is too long to be an id is none. */
function reqidOf(header: string | string[] | undefined): string | null {
  return typeof header !== "string" || header === "" || header.length > 128 ? null : header;
}

/** Logins come before frps's own authentication: any stranger can cause them, and must not fill the journal. */
function isFlood(op: Op, parts: FrpEdgeParts, logins: MinuteCounts): boolean {
  if (op.name !== "Login") return false;
  const most = parts.loginsPerMinute();
  return most !== 0 && logins.add(subscriberOf(op.remote?.ip ?? "no address")) > most;
}

function peerOf({ socket }: IncomingMessage): string | null {
  return socket.remoteAddress ?? null;
}

function cutShort(call: Call, parts: FrpEdgeParts, body: Body, node: string): Response {
  const reason = body.kind === "too_large" ? "too_large" : "cut_off";
  const print = fingerprint(body.bytes);
  parts.malformed({ node, reason, peer: peerOf(call.c.env.incoming), ...print });
  return turnAway(call, parts, reason === "too_large" ? 413 : 400, `not an op: ${reason}`, {
    node,
    ...print,
  });
}

const mostPathChars = 100;
type HttpError = 400 | 401 | 404 | 405 | 413 | 500;

function turnAway(
  { c, cameMs }: Call,
  parts: FrpEdgeParts,
  status: HttpError,
  problem: string,
  more: Pick<TurnedAway, "length" | "sha256" | "cause"> & { readonly node?: string } = {},
): Response {
  const socket = c.env?.incoming?.socket;
  const { node = null, ...rest } = more;
  parts.observer.turnedAway(status, problem, {
    node,
    peer: socket?.remoteAddress ?? null,
    peerPort: socket?.remotePort ?? null,
    reqid: reqidOf(c.req.header("x-frp-reqid")),
    method: c.req.method.slice(0, mostPathChars),
    path: c.req.path.slice(0, mostPathChars),
    ...rest,
    ms: parts.clock.monotonic() - cameMs,
  });
  const headers: Record<string, string> =
    status === 401 ? { "www-authenticate": 'Basic realm="sluice"' } : {};
  // A body that was not read to its end leaves the connection in the middle of a request.
  if (status === 413 || status === 401 || parts.stopping()) headers.connection = "close";
  return c.json({ error: problem }, status, headers);
}
