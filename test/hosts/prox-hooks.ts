/**
 * prox's questions to the plugins of a route: one after the other, the first that refuses ends it, and an error of
 * one is the error of all. Disconnects go through one queue of 256; what finds it full is dropped without a word.
 */
import {
  connectAllowed,
  type ResponseChange,
  responseChangeOf,
  type Verdict,
  verdictOf,
} from "./prox-answer.ts";
import { type Caller, PoolClosed } from "./prox-caller.ts";
import {
  type ConnectInfo,
  connectFrame,
  type DisconnectInfo,
  disconnectFrame,
  type Hook,
  type Order,
  type RequestInfo,
  type ResponseInfo,
  requestFrame,
  responseFrame,
} from "./prox-frame.ts";
import type { Route } from "./prox-routes.ts";
import { tighter } from "./prox-speed.ts";

const WAITING_DISCONNECTS = 256;
const MAX_CONNECT_WAIT_MS = 5_000;

export interface HooksOptions {
  /** Whom to ask about a route, in order. */
  callers: (route: Route, hook: Hook) => Caller[];
  order: Order;
  /** Where a real prox panics outside of a request, all of it ends. */
  crash: (why: string) => void;
}

export class Hooks {
  /** Disconnects that nobody was told of. */
  dropped = 0;
  readonly #options: HooksOptions;
  readonly #waiting: { frame: Buffer; callers: Caller[] }[] = [];
  #draining = false;

  constructor(options: HooksOptions) {
    this.#options = options;
  }

  has(route: Route, hook: Hook): boolean {
    return this.#options.callers(route, hook).length > 0;
  }

  /** Rejects when prox answers 500. */
  async request(route: Route, info: RequestInfo): Promise<Verdict> {
    const merged: Verdict = { ...NOTHING, headers: new Map() };
    const deadline = performance.now() + route.timeoutMs;
    for (const caller of this.#options.callers(route, "on_request")) {
      const verdict = verdictOf(await caller.call(requestFrame(info, this.#options.order), deadline));
      if (!verdict.allow) return verdict;
      merge(merged, verdict);
    }
    return merged;
  }

  /** Rejects when prox leaves the response as it was. */
  async response(route: Route, request: RequestInfo, info: ResponseInfo): Promise<ResponseChange> {
    const merged: ResponseChange = { status: 0, headers: new Map(), remove: [] };
    const deadline = performance.now() + route.timeoutMs;
    for (const caller of this.#options.callers(route, "on_response")) {
      const frame = responseFrame(request, info, this.#options.order);
      const change = responseChangeOf(await caller.call(frame, deadline));
      merged.status = change.status || merged.status;
      for (const [name, value] of change.headers) merged.headers.set(name, value);
      merged.remove.push(...change.remove);
    }
    return merged;
  }

  /** Rejects when prox closes the connection; so does a false. */
  async connect(route: Route, info: ConnectInfo): Promise<boolean> {
    const deadline = performance.now() + Math.min(route.timeoutMs, MAX_CONNECT_WAIT_MS);
    for (const caller of this.#options.callers(route, "on_connect"))
      if (!connectAllowed(await caller.call(connectFrame(info), deadline))) return false;
    return true;
  }

  disconnect(route: Route, info: DisconnectInfo): void {
    const callers = this.#options.callers(route, "on_disconnect");
    if (callers.length === 0) return;
    if (this.#waiting.length >= WAITING_DISCONNECTS) this.dropped += 1;
    else this.#waiting.push({ frame: disconnectFrame(info), callers });
    if (!this.#draining) void this.#drain();
  }

  async #drain(): Promise<void> {
    this.#draining = true;
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      for (const caller of next.callers) await caller.fire(next.frame).catch((error) => this.#failed(error));
    }
    this.#draining = false;
  }

  #failed(error: unknown): void {
    if (error instanceof PoolClosed) this.#options.crash("a disconnect met a closed pool");
  }
}

const NOTHING: Verdict = {
  allow: true,
  drop: false,
  fallback: false,
  status: 0,
  body: "",
  headers: new Map(),
  speed: undefined,
  cleanQuery: false,
  rewritePath: "",
};

/** The tighter speed, the first group, the last path and header. */
function merge(into: Verdict, from: Verdict): void {
  for (const [name, value] of from.headers) into.headers.set(name, value);
  if (from.speed) {
    const speed = into.speed ?? { downloadMbps: 0, uploadMbps: 0, groupKey: "" };
    into.speed = {
      downloadMbps: tighter(speed.downloadMbps, from.speed.downloadMbps),
      uploadMbps: tighter(speed.uploadMbps, from.speed.uploadMbps),
      groupKey: speed.groupKey || from.speed.groupKey,
    };
  }
  into.cleanQuery ||= from.cleanQuery;
  into.rewritePath = from.rewritePath || into.rewritePath;
}
