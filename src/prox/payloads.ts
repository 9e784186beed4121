/**
 * What prox's four hooks say and how they are answered (prox 0.31 to 0.35, package sdk). Nothing past ops.ts knows
 * these names. Fields are left out when empty; a later prox may add some.
 */
import { encode } from "@msgpack/msgpack";
import { z } from "zod";
import type { ProxChanges } from "../op.ts";

const text = z.string().nullish();
const number = z.number().nullish();
const bytes = z.instanceof(Uint8Array).nullish();
const headers = z.record(z.string(), z.string()).nullish();

const request = z.looseObject({
  /** The route. */
  r: text,
  m: text,
  p: text,
  /** Without its question mark. */
  q: text,
  /** The domain asked for. */
  d: text,
  /** The Host header. */
  ho: text,
  pr: text,
  /** The remote address. */
  a: text,
  /** Content-Length; −1 where it is not known. */
  cl: number,
  /** The first value of each, Host not among them. */
  h: headers,
  bd: bytes,
  /** The domain, glob and path that the route matched by. */
  md: text,
  mg: text,
  mp: text,
  v: z.record(z.string(), z.unknown()).nullish(),
  /** The target. */
  tg: text,
});

/** By the number that prox sends for a hook. */
export const hooks = {
  1: { name: "on_request", payload: request },
  2: {
    name: "on_response",
    payload: z.looseObject({
      req: request.nullish(),
      resp: z.looseObject({ s: number, h: headers }).nullish(),
    }),
  },
  3: { name: "on_connect", payload: z.looseObject({ r: text, d: text, a: text, md: text, mg: text }) },
  4: {
    name: "on_disconnect",
    /** Bytes from and to the user, and milliseconds. */
    payload: z.looseObject({ r: text, tg: text, a: text, rx: number, tx: number, ms: number }),
  },
} as const;

type Hooks = typeof hooks;
export type HookName = Hooks[keyof Hooks]["name"];
export type Payload<H extends HookName> = z.infer<Extract<Hooks[keyof Hooks], { name: H }>["payload"]>;

export const hookNames: ReadonlySet<string> = new Set(Object.values(hooks).map(({ name }) => name));

type Headers = Readonly<Record<string, string>>;

/** Where prox sends an answer's fields in this order; which of them count depends on `ok`. */
export interface RequestAnswer {
  readonly ok: boolean;
  /** Ends the connection without a word; only with `ok: false`. */
  readonly drop?: boolean | undefined;
  /** Goes on with the route's fallback; only with `ok: false`. */
  readonly fallback?: boolean | undefined;
  readonly status?: number | undefined;
  readonly body?: Uint8Array | undefined;
  readonly headers?: Headers | undefined;
  /** Megabits per second; connections of the same group share them. */
  readonly speed?: ProxChanges["speed"];
  /** Takes the query away before the upstream gets it. */
  readonly cleanQuery?: boolean | undefined;
  /** The path that the upstream gets, unescaped. */
  readonly rewritePath?: string | undefined;
}

export interface ResponseAnswer {
  /** 0 leaves the upstream's. */
  readonly status: number;
  /** Added, or put in the place of what has the name. */
  readonly headers?: Headers | undefined;
  readonly remove?: readonly string[] | undefined;
}

const ignoreUndefined = { ignoreUndefined: true } as const;

export function connectAnswer(ok: boolean): Uint8Array {
  return encode({ ok });
}

export function requestAnswer(answer: RequestAnswer): Uint8Array {
  const { ok, drop, fallback, status, body, headers, speed, cleanQuery, rewritePath } = answer;
  const sp = speed && { dl: speed.download, ul: speed.upload, gk: speed.group };
  const written = { ok, dr: drop, fb: fallback, s: status, b: body, h: headers, sp };
  return encode({ ...written, cq: cleanQuery, rp: rewritePath }, ignoreUndefined);
}

export function responseAnswer({ status, headers, remove }: ResponseAnswer): Uint8Array {
  return encode({ s: status, h: headers, rm: remove }, ignoreUndefined);
}
