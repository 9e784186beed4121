/** What tests of prox stand in: a prox of either kind, a plugin that does what they say, and what is behind. */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { encode } from "@msgpack/msgpack";
import { startBackend } from "./backend.ts";
import { closeWithFile } from "./open.ts";
import { proxProgram, startProx } from "./prox.ts";
import type { Prox, ProxConfig, ProxOptions, ProxRoute } from "./prox-config.ts";
import { startProxHost } from "./prox-host.ts";
import { type PluginRun, type ScriptedPlugin, startScriptedPlugin } from "./prox-plugin.ts";
import { WebUser } from "./prox-user.ts";

export type Start = (options: ProxOptions) => Promise<Prox>;

const ofItsShape: Start = (options) => startProxHost({ ...options, restartDelayMs: 150 });
/** What a suite runs against. */
export const proxes: { name: string; start: Start }[] = [
  { name: "what is shaped like prox", start: ofItsShape },
  ...(proxProgram ? [{ name: "a real prox", start: startProx }] : []),
];

/** Frames of answers, with their length. */
export function answer(fields: unknown): string {
  const body = Buffer.from(encode(fields));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]).toString("hex");
}

export interface Upstream {
  address: string;
  /** Heads and bodies of what came. */
  seen: { method: string; url: string; headers: IncomingMessage["headers"]; body: string }[];
}

/** Answers `/size/N` with N bytes, and anything else with its name. */
export async function startUpstream(name = "upstream"): Promise<Upstream> {
  const seen: Upstream["seen"] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method = "", url = "", headers } = request;
    seen.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
    const size = /^\/size\/(\d+)/.exec(url);
    response.setHeader("X-Up", "yes");
    response.end(size ? Buffer.alloc(Number(size[1]), 0x61) : name);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closeWithFile({
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  });
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

export interface Setting {
  prox: Prox;
  plugin: ScriptedPlugin;
  upstream: Upstream;
  config: ProxConfig;
  web: WebUser;
}

/** A web service and one that passes TLS, each with one route and the plugin at that path. */
export function bridged(plugin: string, upstream: string, passedTo: string, path = "/*"): ProxConfig {
  const plugins = ["bridge"];
  const web: ProxRoute = { match: { path }, action: { type: "proxy", upstream } };
  const gw: ProxRoute = { match: { domain: "*.l4.test" }, action: { type: "pass", upstream: passedTo } };
  const services = { web: { plugins, routes: [web] }, gw: { tls: true, plugins, routes: [gw] } };
  return { plugins: { bridge: { path: plugin } }, services };
}

/** With plugins that have hardly time to answer. */
export function impatient({ services, ...rest }: ProxConfig): ProxConfig {
  const hurried = Object.entries(services).map(([name, service]) => {
    const routes = service.routes.map((route) => ({ ...route, plugin_timeout: "300ms" }));
    return [name, { ...service, routes }] as const;
  });
  return { ...rest, services: Object.fromEntries(hurried) };
}

/** A prox with two services, what is behind them, and somebody before them. */
export async function setting(
  start: Start,
  {
    plugin,
    change = (config) => config,
  }: { plugin?: ScriptedPlugin; change?: (config: ProxConfig) => ProxConfig } = {},
): Promise<Setting> {
  const [asked, upstream, backend] = [
    plugin ?? (await startScriptedPlugin()),
    await startUpstream(),
    await startBackend(),
  ];
  const config = change(bridged(asked.path, upstream.address, `127.0.0.1:${backend.echoPort}`));
  const prox = await start({ config, env: { FROM_PROX: "yes" } });
  const web = new WebUser(prox.port("web"));
  closeWithFile({ [Symbol.asyncDispose]: async () => web.close() });
  return { prox, plugin: asked, upstream, config, web };
}

/** As `setting`, once prox asks its plugin. */
export async function readySetting(
  start: Start,
  options: Parameters<typeof setting>[1] = {},
): Promise<Setting> {
  const all = await setting(start, options);
  await all.prox.readied();
  return all;
}

/** Resolves when prox has taken what the run said before. */
export async function pushed(run: PluginRun, prox: Prox): Promise<void> {
  const from = prox.log.lines.length;
  run.say({ method: "log", params: { level: "info", message: "that was all" } });
  await prox.log.saw(/that was all/, { from });
}
