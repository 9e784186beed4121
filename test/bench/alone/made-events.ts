/** Events as the bridge makes them of an frps's calls. */
import type { Decision } from "../../../src/decision.ts";
import type { Draft } from "../../../src/events/draft.ts";
import { redactor } from "../../../src/events/redact.ts";
import { opDraft, sessionKeyOf } from "../../../src/events/render.ts";
import { parseOp } from "../../../src/frp/wire.ts";
import type { Op } from "../../../src/op.ts";
import { callsOf, port } from "../load/calls.ts";

/** What most ops get. */
export const decision: Decision = {
  effect: "allowed",
  reason: "allowed by default",
  code: "default_allow",
  rule: null,
  revision: "5f1d3a90c2b7e846",
  checks: [],
};
const redact = redactor("mask");
const count = 4_096;

/** Ops of a row of calls, over and over, each with an id of its own. */
export function madeOps(): (n: number) => Op {
  const calls = callsOf("closes", count);
  return (n) => {
    const { body } = calls[n % calls.length]!;
    const whole = body.replace(port, String(10_000 + (Math.floor(n / calls.length) % 50_000)));
    const reqid = n.toString(16).padStart(16, "0");
    const parsed = parseOp(Buffer.from(whole), {
      node: "edge-1",
      subdomainHost: undefined,
      reqid,
      atMs: Date.now(),
    });
    if (!parsed.ok) throw new Error(`a call that is none: ${parsed.reason}`);
    return parsed.op;
  };
}

export function madeDrafts(epoch: string): (n: number) => Draft {
  const opOf = madeOps();
  const origin = { instance: "i_bench", epoch };
  return (n) => {
    const op = opOf(n);
    const session = op.name.endsWith("UserConn") ? { key: sessionKeyOf(op), id: null } : null;
    return opDraft(op, decision, origin, redact, { clientInfo: null, proxy: op.proxy, session });
  };
}
