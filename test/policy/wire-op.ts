/** Ops read from the words of frps, so that a case proves what the wire brings as well as what a rule says of it. */
import { parseOp } from "../../src/frp/wire.ts";
import type { Op } from "../../src/op.ts";
import { nowMs } from "./cases.ts";

export type Content = Readonly<Record<string, unknown>>;

const runId = "b23d3b0e534b0222";

/** @param body the content of the call, or its JSON where a number must stand as it is written */
export function wireOp(name: string, body: Content | string, subdomainHost?: string): Op {
  const content = typeof body === "string" ? body : JSON.stringify(body);
  const text = `{"version":"0.1.0","op":${JSON.stringify(name)},"content":${content}}`;
  const call = { node: "edge-1", subdomainHost, reqid: null, atMs: nowMs };
  const parsed = parseOp(Buffer.from(text), call);
  if (!parsed.ok) throw new Error(`${name} is malformed: ${parsed.reason}`);
  return parsed.op;
}

export function userOf(user: string, metas: Content | null = null): Content {
  return { user, metas, run_id: runId };
}

/** NewProxy of alice; what is not in `fields` is absent, as frps leaves it out. */
export function wireProxy(fields: Content, subdomainHost?: string): Op {
  return wireOp("NewProxy", { user: userOf("alice"), proxy_name: "alice.web", ...fields }, subdomainHost);
}

export function wireLogin(fields: Content = {}): Op {
  return wireOp("Login", { user: "alice", metas: null, client_address: "198.51.100.7:40000", ...fields });
}

export function wireUserConn(fields: Content = {}): Op {
  const proxy = { proxy_name: "alice.web", proxy_type: "tcp", remote_addr: "203.0.113.9:5" };
  return wireOp("NewUserConn", { user: userOf("alice"), ...proxy, ...fields });
}
