/**
 * A host in prox's shape: it starts plugins, speaks with them and is a small reverse proxy on loopback, as a real
 * prox of v0.35.1 was seen to do. It exists because a real one can't be had everywhere.
 *
 * What it leaves out: HTTP/2, WebSockets, CONNECT and ending TLS; a service has HTTP routes, or with `tls` only
 * `pass` routes. stdin and stdout of a plugin are Unix sockets here, and pipes under a real prox.
 */
import { resolve } from "node:path";
import { type Folder, temporaryFolder } from "./folder.ts";
import { Log } from "./log.ts";
import { closeWithFile } from "./open.ts";
import {
  DEFAULT_STOP_WITHIN_MS,
  type Prox,
  type ProxConfig,
  type ProxOptions,
  READY_TAKEN,
  sawTimes,
} from "./prox-config.ts";
import type { Order } from "./prox-frame.ts";
import { Hooks } from "./prox-hooks.ts";
import type { Wanted } from "./prox-managed.ts";
import { Plugins, shuffled } from "./prox-plugins.ts";
import type { Say } from "./prox-process.ts";
import { actionOf, type Route, routesOf } from "./prox-routes.ts";
import { Services } from "./prox-services.ts";

const RESTART_DELAY_MS = 1_000;
const LEVELS = ["debug", "info", "warn", "error"];

export interface ProxHostOptions extends ProxOptions {
  /** Before a plugin's first restart; it doubles up to 16 times this. */
  restartDelayMs?: number;
  /** The order in which a frame's headers and variables are written; by default none, as in Go. */
  order?: Order;
}

/** Starts a host; resolves when it takes connections. Its plugins need not be ready by then. */
export async function startProxHost(options: ProxHostOptions): Promise<ProxHost> {
  const host = new ProxHost(await temporaryFolder("prox"), options);
  closeWithFile(host);
  await host.start();
  return host;
}

export class ProxHost implements Prox {
  readonly log = new Log();
  readonly folder: string;
  /** What a plugin that keeps to the protocol never causes: a second ready, or what would crash a real prox. */
  readonly faults: string[] = [];
  readonly #kept: Folder;
  readonly #options: ProxHostOptions;
  /** Whom requests are put to. A reload that leaves no plugin ends them, and others are never asked again. */
  readonly #asked: Plugins;
  readonly #every: Plugins[] = [];
  #running: Plugins | undefined;
  readonly #hooks: Hooks;
  readonly #services: Services;
  readonly #crashed = Promise.withResolvers<void>();
  #config: ProxConfig;
  #routes: readonly Route[];

  constructor(folder: Folder, options: ProxHostOptions) {
    this.#kept = folder;
    this.folder = folder.path;
    this.#options = options;
    this.#config = options.config;
    this.#routes = routesOf(options.config, this.folder);
    this.#asked = this.#newPlugins();
    this.#hooks = new Hooks({
      callers: (route, hook) => this.#asked.callers(route, hook),
      crash: this.#crash,
      order: options.order ?? shuffled,
    });
    this.#services = new Services({
      hooks: this.#hooks,
      pushes: this.#asked.pushes,
      say: this.#say,
      crash: this.#crash,
      routes: () => this.#routes,
      action: (name) => actionOf(this.#config, name),
      counts: options.logLevel !== "warn",
    });
  }

  /** Disconnects that found the queue full. */
  get droppedDisconnects(): number {
    return this.#hooks.dropped;
  }

  async start(): Promise<void> {
    await this.#startPlugins(this.#asked);
    await this.#services.listen(this.#config.services);
  }

  port(service: string): number {
    return this.#services.port(service);
  }

  readied(count = 1): Promise<void> {
    return sawTimes(this.log, READY_TAKEN, count);
  }

  async reload(config: ProxConfig): Promise<void> {
    this.#config = config;
    this.#routes = routesOf(config, this.folder);
    if (!this.#running) await this.#startPlugins(this.#newPlugins());
    else if (this.#anyPlugin()) await this.#running.reconfigure(this.#routes, this.#autostarted());
    else {
      await this.#running.stop();
      this.#running = undefined;
    }
    this.#say("info", `reload complete services_swapped=${Object.keys(config.services).length}`);
  }

  async stop(withinMs = DEFAULT_STOP_WITHIN_MS): Promise<void> {
    this.#say("info", "shutting down");
    const late = Promise.withResolvers<never>();
    const fail = (): void => late.reject(new Error(`prox did not end within ${withinMs} ms`));
    const timer = setTimeout(fail, withinMs);
    try {
      await Promise.race([this.#running?.stop(), this.#crashed.promise, late.promise]);
    } finally {
      clearTimeout(timer);
      await this.kill();
    }
    this.#say("info", "prox stopped");
  }

  async kill(): Promise<void> {
    for (const plugins of this.#every) plugins.leave(undefined);
    this.#services.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    for (const plugins of this.#every) plugins.leave("and kill");
    await this.#kept.remove();
  }

  #say: Say = (level, message) => {
    const least = LEVELS.indexOf(this.#options.logLevel ?? "debug");
    if (LEVELS.indexOf(level) >= least) this.log.add(`${level.toUpperCase()} ${message}`);
  };

  #crash = (why: string): void => {
    this.faults.push(`prox would have crashed: ${why}`);
    this.#say("error", `panic: ${why}`);
    this.#crashed.resolve();
    void this.kill();
  };

  #newPlugins(): Plugins {
    const { env, restartDelayMs = RESTART_DELAY_MS } = this.#options;
    const plugins = new Plugins({
      folder: this.folder,
      env: { ...process.env, ...env },
      say: this.#say,
      fault: (what) => void this.faults.push(what),
      crash: this.#crash,
      restartDelayMs,
    });
    this.#every.push(plugins);
    return plugins;
  }

  async #startPlugins(plugins: Plugins): Promise<void> {
    if (!this.#anyPlugin()) return;
    this.#running = plugins;
    await plugins.start(this.#routes, this.#autostarted());
  }

  #anyPlugin(): boolean {
    return this.#routes.some(({ plugins }) => plugins.length > 0) || this.#autostarted().length > 0;
  }

  #autostarted(): Wanted[] {
    const plugins = Object.entries(this.#config.plugins).filter(([, { autostart }]) => autostart);
    return plugins.map(([name, { path }]) => ({ name, path: resolve(this.folder, path) }));
  }
}
