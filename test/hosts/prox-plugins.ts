/** prox's plugins: one process for each path, whatever number of routes ask it, and a configure for each route. */
import type { Caller } from "./prox-caller.ts";
import type { Hook } from "./prox-frame.ts";
import { type ManagedOptions, ManagedPlugin, type Wanted } from "./prox-managed.ts";
import { Pushes } from "./prox-pushes.ts";
import type { Route } from "./prox-routes.ts";

export class Plugins {
  readonly pushes = new Pushes();
  readonly #options: ManagedOptions;
  readonly #managed = new Map<string, ManagedPlugin>();
  /** Those too that a reload took away: they are restarted like the others. */
  readonly #ever: ManagedPlugin[] = [];
  readonly #supervised: Promise<void>[] = [];
  readonly #life = new AbortController();
  /** By route, whom to ask: it outlives `stop`, so that requests meet closed pools then. */
  #bound: ReadonlyMap<string, readonly string[]> = new Map();

  constructor(options: ManagedOptions) {
    this.#options = options;
  }

  /** Starts each with its configures; `autostarted` are those that need no route. */
  async start(routes: readonly Route[], autostarted: readonly Wanted[]): Promise<void> {
    this.#bind(routes);
    for (const wanted of wantedBy(routes, autostarted)) {
      const managed = await this.#begin(wanted, this.#life.signal);
      if (managed) this.#configure(managed);
    }
  }

  /**
   * Whoever is no more wanted gets the end of its stdin, and is waited for; then everybody is configured. One that
   * comes by a reload is restarted for ever: prox forgets to end that when it stops.
   */
  async reconfigure(routes: readonly Route[], autostarted: readonly Wanted[]): Promise<void> {
    this.#bind(routes);
    const wanted = wantedBy(routes, autostarted);
    for (const [path, managed] of this.#managed) {
      if (wanted.some((plugin) => plugin.path === path)) continue;
      await managed.stop();
      this.#managed.delete(path);
    }
    for (const plugin of wanted) {
      const known = this.#managed.get(plugin.path);
      if (known && !known.process)
        this.#options.crash(`${plugin.name} could not be restarted before the reload`);
      const managed = known ?? (await this.#begin(plugin, new AbortController().signal));
      if (managed) this.#configure(managed);
    }
  }

  /** Resolves when all are gone; without end while one stays, or is restarted. */
  async stop(): Promise<void> {
    this.#life.abort();
    for (const managed of this.#managed.values()) {
      if (!managed.process) this.#options.crash(`${managed.name} could not be restarted before the stop`);
      await managed.stop();
    }
    await Promise.all(this.#supervised);
  }

  /** As the end of prox's process; `also` kills what would outlive it. */
  leave(also: "and kill" | undefined): void {
    for (const managed of this.#ever) managed.leave(also);
  }

  /** Whom to ask, in order. */
  callers(route: Route, hook: Hook): Caller[] {
    return (this.#bound.get(route.id) ?? []).flatMap((path) => {
      const { caller, hooks } = this.#managed.get(path) ?? {};
      return caller && hooks?.includes(hook) ? [caller] : [];
    });
  }

  #bind(routes: readonly Route[]): void {
    this.pushes.routes = routes;
    this.#bound = new Map(routes.map(({ id, plugins }) => [id, plugins.map(({ path }) => path)]));
  }

  async #begin(wanted: Wanted, life: AbortSignal): Promise<ManagedPlugin | undefined> {
    const managed = new ManagedPlugin(wanted, life, this.pushes, this.#options);
    if (!(await managed.start())) return undefined;
    this.#managed.set(wanted.path, managed);
    this.#ever.push(managed);
    this.#supervised.push(managed.supervise(() => this.#configure(managed)));
    return managed;
  }

  /** One line for each route, services in no order. An autostarted plugin without a route gets one that is empty. */
  #configure({ path, process }: ManagedPlugin): void {
    const routes = this.pushes.routes.filter(({ plugins }) => plugins.some((plugin) => plugin.path === path));
    const services = shuffled([...new Set(routes.map(({ service }) => service))]);
    for (const { id, match } of services.flatMap((name) =>
      routes.filter(({ service }) => service === name),
    )) {
      const matched = match && { domain: match.domain || undefined, path: match.path || undefined };
      process?.send({ method: "configure", params: { route_id: id, match: matched } });
    }
    const orphan = !this.#managed.has(path);
    if (routes.length === 0 && !orphan) process?.send({ method: "configure", params: { route_id: "" } });
  }
}

function wantedBy(routes: readonly Route[], autostarted: readonly Wanted[]): Wanted[] {
  const byPath = new Map<string, Wanted>();
  for (const plugin of [...routes.flatMap(({ plugins }) => plugins), ...autostarted])
    if (!byPath.has(plugin.path)) byPath.set(plugin.path, plugin);
  return [...byPath.values()];
}

/** As Go goes through a map. */
export function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, place: Math.random() }))
    .toSorted((one, other) => one.place - other.place)
    .map(({ item }) => item);
}
