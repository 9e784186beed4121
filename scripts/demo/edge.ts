/** A frps that asks Sluice, what stands behind its proxies, and the frpc of two people. */
import { type Backend, startBackend } from "../../test/hosts/backend.ts";
import { type FrpcHost, type FrpsHost, startFrpc, startFrps } from "../../test/hosts/frp.ts";
import { freePort } from "../../test/hosts/ports.ts";

export interface Edge {
  /** Where users connect to alice's proxy, and to bob's. */
  readonly ports: { readonly alice: number; readonly bob: number };
  stop(): Promise<void>;
}

/** @param plugin host:port */
export async function startEdge(plugin: string): Promise<Edge> {
  const backend: Backend = await startBackend();
  const frps: FrpsHost = await startFrps({ plugins: [{ addr: plugin }] });
  const ports = { alice: await freePort(), bob: await freePort() };
  const clients: FrpcHost[] = await Promise.all([
    startClient(frps, backend, "alice", "web", ports.alice),
    startClient(frps, backend, "bob", "ssh", ports.bob),
  ]);
  return {
    ports,
    async stop() {
      for (const client of clients) await client.stop();
      await frps.stop();
    },
  };
}

/**
 * Without pings, as frpc is by default: one that sends them leaves when its user is denied. A deny refuses work
 * connections, too, and whom it finds let in and without one, frps keeps waiting: with as many in store as frps allows
 * by default (`transport.maxPoolCount`) nobody is.
 */
function startClient(
  frps: FrpsHost,
  { echoPort }: Backend,
  user: string,
  name: string,
  remotePort: number,
): Promise<FrpcHost> {
  return startFrpc({
    frps,
    user,
    proxies: [{ name, type: "tcp", localPort: echoPort, remotePort }],
    settings: { transport: { poolCount: 5, heartbeatInterval: -1 } },
    until: "all",
  });
}
