/** Which route a request or a TLS name belongs to, and which plugins are asked about it. */
import { resolve } from "node:path";
import { Balancer } from "./prox-balancer.ts";
import type { ProxAction, ProxConfig, ProxRoute } from "./prox-config.ts";

const DEFAULT_TIMEOUT_MS = 5_000;

export interface Route {
  id: string;
  service: string;
  match: ProxRoute["match"];
  action: ProxAction;
  /** As `set_targets` and `set_speed` name it. */
  actionName: string;
  timeoutMs: number;
  balancer: Balancer | undefined;
  vars: Readonly<Record<string, string>>;
  /** Of its plugins: service's, action's, route's. */
  plugins: { name: string; path: string }[];
}

/** What a match found. */
export interface Matched {
  route: Route;
  /** What the `*` stood for. */
  captures: string[];
  glob: string;
  path: string;
}

export function routesOf(config: ProxConfig, folder: string): Route[] {
  return Object.entries(config.services).flatMap(([service, { routes, plugins = [] }]) =>
    routes.map((route, index) => {
      const named = typeof route.action === "string";
      const actionName = named ? String(route.action) : `_inline_${service}_${index}`;
      const action = typeof route.action === "string" ? actionOf(config, route.action) : route.action;
      const asked = new Set([...plugins, ...(action.plugins ?? []), ...(route.plugins ?? [])]);
      const { balancer } = route;
      return {
        id: `${service}:${index}`,
        service,
        match: route.match,
        action,
        actionName,
        timeoutMs: durationMs(route.plugin_timeout) || DEFAULT_TIMEOUT_MS,
        balancer: balancer && new Balancer(balancer.targets, balancer.fallback ?? false),
        vars: route.set ?? {},
        plugins: [...asked].map((name) => ({
          name,
          path: resolve(folder, config.plugins[name]?.path ?? name),
        })),
      };
    }),
  );
}

export function actionOf(config: ProxConfig, name: string): ProxAction {
  const action = config.actions?.[name];
  if (!action) throw new Error(`no action ${name}`);
  return action;
}

/** Of durations as "300ms", "2s" or "1m". */
function durationMs(text = "0s"): number {
  const found = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text);
  if (!found) throw new Error(`${text} is no duration`);
  return Number(found[1]) * { ms: 1, s: 1_000, m: 60_000 }[found[2] as "ms" | "s" | "m"];
}

/** The first route that matches; `path` is undefined for a connection, which has none. */
export function matchOf(routes: readonly Route[], domain: string, path?: string): Matched | undefined {
  for (const route of routes) {
    const byDomain = route.match?.domain
      ? domainMatch(route.match.domain, domain)
      : { captures: [], glob: "" };
    const byPath = path === undefined ? "" : pathMatch(route.match?.path, path);
    if (byDomain && byPath !== undefined) return { route, ...byDomain, path: byPath };
  }
  return undefined;
}

function pathMatch(patterns = "", path: string): string | undefined {
  const all = patterns
    .split(",")
    .map((pattern) => pattern.trim())
    .filter(Boolean);
  if (all.length === 0) return "";
  return all.find((pattern) =>
    pattern.endsWith("/*") ? path.startsWith(pattern.slice(0, -1)) : path === pattern,
  );
}

/** Each `*` takes one label or the part of one; `**` at the end takes one label or more. */
function domainMatch(pattern: string, domain: string): { captures: string[]; glob: string } | undefined {
  const [wanted, labels] = [pattern.toLowerCase().split("."), domain.toLowerCase().split(".")];
  const globbed = wanted.at(-1) === "**";
  if (globbed) wanted.pop();
  if (globbed ? labels.length <= wanted.length : labels.length !== wanted.length) return undefined;
  const captures: string[] = [];
  for (const [index, want] of wanted.entries()) {
    const taken = labelMatch(want, labels[index] ?? "");
    if (taken === undefined) return undefined;
    if (taken !== "") captures.push(taken);
  }
  return { captures, glob: globbed ? labels.slice(wanted.length).join(".") : "" };
}

function labelMatch(want: string, label: string): string | undefined {
  const star = want.indexOf("*");
  if (star < 0) return want === label ? "" : undefined;
  const [before, after] = [want.slice(0, star), want.slice(star + 1)];
  const fits = label.length >= want.length - 1 && label.startsWith(before) && label.endsWith(after);
  return fits ? label.slice(before.length, label.length - after.length) : undefined;
}
