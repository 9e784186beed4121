/** Ops as a frps asks them, of one client or another. */
import type { Op, Traffic } from "../../src/op.ts";
import { parseRemote } from "../../src/policy/addresses.ts";

export interface Asked {
  readonly node?: string;
  readonly user?: string;
  readonly client?: string | null;
  readonly metas?: Record<string, string>;
  readonly reqid?: string;
}

const base = ({
  node = "edge-1",
  user = "alice",
  client = "c_00112233445566aa",
  metas,
  reqid,
}: Asked): Op => ({
  protocol: "frp",
  node,
  name: "Ping",
  known: true,
  refusable: true,
  reqid: reqid ?? null,
  user,
  client,
  proxy: null,
  remote: null,
  metas: metas ?? null,
  proxyOptions: null,
  clientInfo: null,
  traffic: null,
  prox: null,
  content: {},
  atMs: 0,
});

export function login(asked: Asked & { readonly hostname?: string; readonly address?: string } = {}): Op {
  const { hostname = "frpc-host", address = "198.51.100.7:40000" } = asked;
  const remote = parseRemote(address);
  return {
    ...base({ ...asked, client: asked.client ?? null }),
    name: "Login",
    remote,
    clientInfo: { address: remote.ip, port: remote.port, hostname, version: "0.70.1" },
  };
}

export function ping(asked: Asked = {}): Op {
  return base(asked);
}

interface OfProxy extends Asked {
  readonly proxy?: string;
  readonly type?: string;
}

const ofProxy = (name: string, asked: OfProxy): Op => {
  const { proxy = "alice.ssh", type = "tcp" } = asked;
  return { ...base(asked), name, proxy: { name: proxy, type, domains: [], remotePort: null } };
};

export function newProxy(
  asked: OfProxy & { readonly remotePort?: number; readonly domains?: string[] } = {},
): Op {
  const op = ofProxy("NewProxy", asked);
  return {
    ...op,
    proxy: { ...op.proxy!, remotePort: asked.remotePort ?? null, domains: asked.domains ?? [] },
  };
}

export function closeProxy(asked: OfProxy = {}): Op {
  const op = ofProxy("CloseProxy", asked);
  return { ...op, refusable: false, proxy: { ...op.proxy!, type: null } };
}

interface OfConnection extends OfProxy {
  readonly from?: string;
}

export function newUserConn(asked: OfConnection = {}): Op {
  return { ...ofProxy("NewUserConn", asked), remote: parseRemote(asked.from ?? "203.0.113.9:50000") };
}

export function closeUserConn(asked: OfConnection & { readonly traffic?: Traffic } = {}): Op {
  const { from = "203.0.113.9:50000", traffic = null } = asked;
  return { ...ofProxy("CloseUserConn", asked), refusable: false, remote: parseRemote(from), traffic };
}
