/** Ops read from the words of prox, so that a case proves the wire as well. */
import { encode } from "@msgpack/msgpack";
import type { Op } from "../../src/op.ts";
import { readEnvelope } from "../../src/prox/envelope.ts";
import { opOf } from "../../src/prox/ops.ts";
import { nowMs } from "../policy/cases.ts";

const types = { on_request: 1, on_response: 2, on_connect: 3, on_disconnect: 4 } as const;
export type Hook = keyof typeof types | number;

/** What prox sends, without its length. */
export function envelopeOf(hook: Hook, payload: unknown): Uint8Array {
  return encode({ t: typeof hook === "number" ? hook : types[hook], d: encode(payload) });
}

/** @param hook its name, or the number of one that nobody knows */
export function asked(hook: Hook, payload: unknown, atMs = nowMs): Op {
  const envelope = readEnvelope(envelopeOf(hook, payload));
  if (envelope.kind === "malformed") throw new Error(`malformed: ${envelope.reason}`);
  return opOf(envelope, { node: "edge-1", atMs });
}
