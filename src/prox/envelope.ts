/** From a frame to the hook that it calls. Nothing here fails: what cannot be read is said to be so. */
import { decode, NotMsgpack } from "./msgpack.ts";
import { type HookName, hooks, type Payload } from "./payloads.ts";

export type Call = {
  readonly [H in HookName]: { readonly kind: "hook"; readonly hook: H; readonly payload: Payload<H> };
}[HookName];

export type Envelope =
  | Call
  /** A hook of a later prox; `payload` is what it carries, as far as that can be read. */
  | { readonly kind: "unknown"; readonly type: number; readonly payload: unknown }
  | { readonly kind: "malformed"; readonly reason: "not_msgpack" | "no_op" | "bad_content" };

/** @param frame the msgpack of `{t, d}`: the type of the hook, and the msgpack of its payload as bytes */
export function readEnvelope(frame: Uint8Array): Envelope {
  const envelope = decoded(frame);
  if (envelope === notMsgpack) return { kind: "malformed", reason: "not_msgpack" };
  const { t, d } = fieldsOf(envelope);
  if (typeof t !== "number" || !Number.isSafeInteger(t) || t < 0)
    return { kind: "malformed", reason: "no_op" };
  const payload = d instanceof Uint8Array ? decoded(d) : notMsgpack;
  const hook = hookOf(t);
  if (hook === null) return { kind: "unknown", type: t, payload: payload === notMsgpack ? d : payload };
  if (payload === notMsgpack || !hook.payload.safeParse(payload).success) {
    return { kind: "malformed", reason: "bad_content" };
  }
  // As it came, with whatever it holds beside: the schema only judges.
  return { kind: "hook", hook: hook.name, payload } as Call;
}

function hookOf(type: number): (typeof hooks)[keyof typeof hooks] | null {
  return Object.hasOwn(hooks, type) ? hooks[type as keyof typeof hooks] : null;
}

const notMsgpack = Symbol("not msgpack");

function decoded(bytes: Uint8Array): unknown {
  try {
    return decode(bytes);
  } catch (thrown) {
    if (thrown instanceof NotMsgpack) return notMsgpack;
    throw thrown;
  }
}

function fieldsOf(value: unknown): { readonly t?: unknown; readonly d?: unknown } {
  return typeof value === "object" && value !== null ? value : {};
}
