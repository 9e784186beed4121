import { startBackend } from "./backend.ts";
import { type FrpcHost, type FrpcOptions, type FrpsHost, SUBDOMAIN_HOST, startFrpc } from "./frp.ts";
import { httpsUser, httpUser, tcpmuxUser, tcpUser, type User, udpUser } from "./frp-user.ts";
import { freePort } from "./ports.ts";

/** The types whose user connections frps asks its plugins about, and then those it never asks about. */
export const ASKED_TYPES = ["tcp", "https", "tcpmux", "stcp", "sudp"] as const;
export const UNASKED_TYPES = ["http", "udp"] as const;

type ProxyType = (typeof ASKED_TYPES)[number] | (typeof UNASKED_TYPES)[number];

/** A frpc with one proxy of each type, named by its type, and a second frpc as visitor of stcp and sudp. */
export interface EveryProxy {
  frpc: FrpcHost;
  visitor: FrpcHost;
  /** A user's connection to the proxy of that type. */
  connect: Record<ProxyType, () => Promise<User>>;
}

export interface EveryProxyOptions extends Omit<FrpcOptions, "frps" | "proxies" | "visitors" | "until"> {
  frps: FrpsHost;
  /** The visitor's user; its other settings are the first frpc's. */
  visitorUser?: string;
}

/** Resolves when every proxy runs and both visitors listen; the plugin must allow all of them. */
export async function startEveryProxy({ visitorUser, ...common }: EveryProxyOptions): Promise<EveryProxy> {
  const { frps, user = "" } = common;
  const { echoPort, httpPort } = await startBackend();
  const [remoteTcp, remoteUdp, stcpPort, sudpPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const domain = (type: string): string => `${type}.${SUBDOMAIN_HOST}`;
  const secret = { secretKey: "between-visitors", allowUsers: ["*"] };
  const frpc = await startFrpc({
    ...common,
    until: "all",
    proxies: [
      { name: "tcp", type: "tcp", localPort: echoPort, remotePort: remoteTcp },
      { name: "udp", type: "udp", localPort: echoPort, remotePort: remoteUdp },
      { name: "http", type: "http", localPort: httpPort, subdomain: "http" },
      { name: "https", type: "https", localPort: echoPort, customDomains: ["https.example.com"] },
      {
        name: "tcpmux",
        type: "tcpmux",
        localPort: echoPort,
        multiplexer: "httpconnect",
        subdomain: "tcpmux",
      },
      { name: "stcp", type: "stcp", localPort: echoPort, ...secret },
      { name: "sudp", type: "sudp", localPort: echoPort, ...secret },
    ],
  });
  const visits = (type: "stcp" | "sudp", bindPort: number) => ({
    name: `${type}-visitor`,
    type,
    serverUser: user,
    serverName: type,
    secretKey: secret.secretKey,
    bindPort,
  });
  const visitor = await startFrpc({
    ...common,
    ...(visitorUser === undefined ? {} : { user: visitorUser }),
    until: "all",
    visitors: [visits("stcp", stcpPort), visits("sudp", sudpPort)],
  });
  return {
    frpc,
    visitor,
    connect: {
      tcp: () => tcpUser(remoteTcp, frps.proxyBindAddr),
      udp: () => udpUser(remoteUdp),
      http: () => httpUser(frps.httpPort, domain("http")),
      https: () => httpsUser(frps.httpsPort, "https.example.com"),
      tcpmux: () => tcpmuxUser(frps.tcpmuxPort, domain("tcpmux")),
      stcp: () => tcpUser(stcpPort),
      sudp: () => udpUser(sudpPort),
    },
  };
}
