/** prox's configuration, as far as tests need it, in prox's own words, and what both kinds of prox offer a test. */
import type { Log } from "./log.ts";

export interface ProxAction {
  /** `pass` hands a TLS connection on by its name; its service needs `tls`. */
  type: "proxy" | "pass";
  /** host:port; with a balancer it holds `{target}`. */
  upstream: string;
  plugins?: string[];
  /** Name of the action that stands in. */
  fallback?: string;
}

export interface ProxRoute {
  /** `domain`: each `*` is one label. `path`: exact, or a prefix and `/*`; several with commas. */
  match?: { domain?: string; path?: string };
  plugins?: string[];
  /** Such as "2s" or "300ms". */
  plugin_timeout?: string;
  balancer?: { type: "roundrobin"; targets: string[]; fallback?: boolean };
  set?: Record<string, string>;
  action: string | ProxAction;
}

export interface ProxService {
  /** Here only for services whose routes are all `pass`. */
  tls?: boolean;
  plugins?: string[];
  routes: ProxRoute[];
}

export interface ProxConfig {
  /** `path` is the executable; `autostart` starts it without a route. */
  plugins: Record<string, { path: string; autostart?: boolean }>;
  services: Record<string, ProxService>;
  actions?: Record<string, ProxAction>;
}

export interface ProxOptions {
  config: ProxConfig;
  /** Added to the environment of prox and of its plugins. */
  env?: Record<string, string>;
  /** From "warn" on prox counts no bytes that it sends. */
  logLevel?: "debug" | "info" | "warn";
}

/** A prox under a test's control; see `prox.ts` for a real one and `prox-host.ts` for what is shaped like it. */
export interface Prox extends AsyncDisposable {
  /** What it printed. */
  readonly log: Log;
  /** The working directory of it and its plugins. */
  readonly folder: string;
  /** Where the service with that name listens, on 127.0.0.1. */
  port(service: string): number;
  /** Resolves when it has taken that many readys; it prints them at level debug only. */
  readied(count?: number): Promise<void>;
  /** Gives it another configuration, and resolves when it has taken it. Services can't be added. */
  reload(config: ProxConfig): Promise<void>;
  /** Asks it to end. It waits for its plugins; what is not over within `withinMs` is killed, and the call fails. */
  stop(withinMs?: number): Promise<void>;
  /** As a crash: its plugins see their stdin end. */
  kill(): Promise<void>;
}

export const DEFAULT_STOP_WITHIN_MS = 10_000;

/** Resolves when `count` lines of the log match. */
export async function sawTimes(log: Log, pattern: RegExp, count: number): Promise<void> {
  while (log.lines.filter((line) => pattern.test(line)).length < count) {
    await log.saw(pattern, { from: log.lines.length });
  }
}

export const READY_TAKEN = /plugin ready .*hooks=/;

/** The process of the plugin that was started last; it is printed at level debug only. */
export function lastPluginPid(log: Log): number {
  const started = log.lines.filter((line) => /plugin (re)?started .*pid=/.test(line));
  return Number(/pid=(\d+)/.exec(started.at(-1) ?? "")?.[1]);
}
