import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "smol-toml";
import { type Folder, temporaryFolder } from "./folder.ts";
import { frpPrograms } from "./frp-program.ts";
import { freePort } from "./ports.ts";
import { NativeServer, type Server } from "./server.ts";

const READY_WITHIN_MS = 20_000;
const GRACE_MS = 5_000;
const ALL_OPS = ["Login", "NewProxy", "CloseProxy", "Ping", "NewWorkConn", "NewUserConn"] as const;

type Toml = Record<string, unknown>;

/** One `[[httpPlugins]]` of frps. */
interface HttpPlugin {
  /** host:port, http(s)://host:port, or with user:password@ before the host. */
  addr: string;
  path?: string;
  ops?: readonly string[];
  name?: string;
  tlsVerify?: boolean;
}

export interface FrpsOptions {
  plugins?: HttpPlugin[];
  token?: string;
  /** Where users connect; `::1` for users over IPv6. */
  proxyBindAddr?: string;
  /** Further keys of frps.toml, such as `transport`; they win. */
  settings?: Toml;
  /** Added to its environment, such as SSL_CERT_FILE with the CAs that it trusts. */
  env?: Record<string, string>;
}

/** A running frps, on ports of its own that stay the same over a restart. */
export type FrpsHost = NativeServer & {
  bindPort: number;
  httpPort: number;
  httpsPort: number;
  tcpmuxPort: number;
  token: string;
  proxyBindAddr: string;
};

/** Its subDomainHost: a proxy with `subdomain = "web"` is web.frp.test. */
export const SUBDOMAIN_HOST = "frp.test";

/** Starts frps; resolves when it takes clients. It need not have a plugin that answers. */
export async function startFrps(options: FrpsOptions = {}): Promise<FrpsHost> {
  const { frps } = await frpPrograms();
  return startFrpsAs({ program: frps, folder: await temporaryFolder("frps") }, options);
}

/** A program with the command line of frps or frpc. */
interface FrpProgram {
  program: string;
  /** Besides its config. */
  args?: string[];
  env?: Record<string, string> | undefined;
  /** For its config and whatever it writes; removed at its end. */
  folder: Folder;
}

/** As `startFrps`, with a frps of another make. */
export async function startFrpsAs(program: FrpProgram, options: FrpsOptions = {}): Promise<FrpsHost> {
  const { plugins = [], token = "frp-token", proxyBindAddr = "127.0.0.1", settings, env } = options;
  const [bindPort, httpPort, httpsPort, tcpmuxPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const server = await serverOf({ ...program, env }, /frps started successfully/, {
    bindAddr: "127.0.0.1",
    bindPort,
    proxyBindAddr,
    auth: { token },
    vhostHTTPPort: httpPort,
    vhostHTTPSPort: httpsPort,
    tcpmuxHTTPConnectPort: tcpmuxPort,
    subDomainHost: SUBDOMAIN_HOST,
    httpPlugins: plugins.map((plugin) => ({ name: "sluice", path: "/handler", ops: ALL_OPS, ...plugin })),
    ...settings,
  });
  await server.start();
  return Object.assign(server, { bindPort, httpPort, httpsPort, tcpmuxPort, token, proxyBindAddr });
}

export interface FrpcOptions {
  frps: { bindPort: number; token: string };
  user?: string;
  metadatas?: Record<string, string>;
  /** The `[[proxies]]`, each with name, type, localPort and what its type needs. */
  proxies?: Toml[];
  visitors?: Toml[];
  heartbeatSeconds?: number;
  /** Further keys of frpc.toml; they win. */
  settings?: Toml;
  /** What has to be seen before it counts as started: the login (default), all proxies and visitors, or nothing. */
  until?: "login" | "all" | "nothing";
}

export type FrpcHost = NativeServer;

/** Starts frpc. One that is refused keeps trying: wait with `until: "nothing"` and `log.saw`. */
export async function startFrpc(options: FrpcOptions): Promise<FrpcHost> {
  const { frps, user, metadatas, proxies = [], visitors = [], heartbeatSeconds = 2, settings } = options;
  const ready = options.until === "nothing" ? /./ : /login to server success/;
  const { frpc: program } = await frpPrograms();
  const client = await serverOf({ program, folder: await temporaryFolder("frpc") }, ready, {
    serverAddr: "127.0.0.1",
    serverPort: frps.bindPort,
    ...(user === undefined ? {} : { user }),
    ...(metadatas === undefined ? {} : { metadatas }),
    auth: { token: frps.token },
    loginFailExit: false,
    transport: { heartbeatInterval: heartbeatSeconds, poolCount: 1 },
    proxies: proxies.map((proxy) => ({ localIP: "127.0.0.1", ...proxy })),
    visitors: visitors.map((visitor) => ({ bindAddr: "127.0.0.1", ...visitor })),
    ...settings,
  });
  await client.start();
  if (options.until === "all") await allStarted(client, proxies, visitors);
  return client;
}

/** Resolves when frps has accepted all proxies and the visitors listen; frpc's log names them without the user. */
async function allStarted(client: Server, proxies: Toml[], visitors: Toml[]): Promise<void> {
  const lines = proxies.map(({ name }) => new RegExp(`\\[${name}\\] start proxy success`));
  if (visitors.length > 0) lines.push(/visitor added/);
  await Promise.all(lines.map((line) => client.log.saw(line, { timeoutMs: READY_WITHIN_MS })));
}

async function serverOf(of: FrpProgram, ready: RegExp, settings: Toml): Promise<NativeServer> {
  const { program, args = [], env = {}, folder } = of;
  const file = join(folder.path, "frp.toml");
  await writeFile(file, stringify({ log: { level: "debug", disablePrintColor: true }, ...settings }));
  return new NativeServer({
    command: { program, args: ["-c", file, ...args], cwd: folder.path, env },
    ready,
    readyWithinMs: READY_WITHIN_MS,
    graceMs: GRACE_MS,
    folder,
  });
}
