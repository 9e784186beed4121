/** What plugins pushed for routes: targets, which a reload takes away again, and speeds, which stay. */
import type { SpeedLimit } from "./prox-answer.ts";
import type { Push } from "./prox-process.ts";
import type { Route } from "./prox-routes.ts";
import { type Buckets, bucketsOf, bytesPerSecond, SpeedGroups, tighter } from "./prox-speed.ts";

/** In bytes per second, 0 for none. */
interface Speed {
  download: number;
  upload: number;
}

const NO_LIMIT: SpeedLimit = { downloadMbps: 0, uploadMbps: 0, groupKey: "" };

export class Pushes {
  readonly #groups = new SpeedGroups();
  routes: readonly Route[] = [];
  readonly #speeds = new Map<string, Speed>();

  /** For one request to the route: the tightest of what was pushed and what an answer says. */
  limit(routeId: string, answered: SpeedLimit = NO_LIMIT): Buckets & { release(): void } {
    const pushed = this.#speeds.get(routeId) ?? { download: 0, upload: 0 };
    const download = tighter(pushed.download, bytesPerSecond(answered.downloadMbps));
    const upload = tighter(pushed.upload, bytesPerSecond(answered.uploadMbps));
    const key = answered.groupKey;
    if (key === "") return { ...bucketsOf(download, upload), release: () => {} };
    return { ...this.#groups.acquire(key, download, upload), release: () => this.#groups.release(key) };
  }

  /** By route: only one that is bound to the plugin. By action or "*": every route with a balancer. */
  setTargets(plugin: string, { route_id = "", action, targets = [], groups }: Push["params"]): void {
    const bound = ({ id, plugins }: Route): boolean =>
      id === route_id && plugins.some(({ path }) => path === plugin);
    for (const { balancer } of this.#wide(route_id, action) ?? this.routes.filter(bound)) {
      if (groups) balancer?.setGroups(groups);
      else balancer?.setTargets(targets);
    }
  }

  /** By route: any. By action or "*": as with targets, only routes with a balancer. */
  setSpeed({ route_id = "", action, download_mbps = 0, upload_mbps = 0, group_key }: Push["params"]): void {
    const speed = { download: bytesPerSecond(download_mbps), upload: bytesPerSecond(upload_mbps) };
    for (const { id } of this.#wide(route_id, action) ?? [{ id: route_id }]) this.#speeds.set(id, speed);
    if (group_key) this.#groups.update(group_key, speed.download, speed.upload);
  }

  /** Undefined when one route is meant. */
  #wide(routeId: string, action = ""): Route[] | undefined {
    if (!action && routeId !== "*") return undefined;
    return this.routes.filter(({ balancer, actionName }) => balancer && (!action || actionName === action));
  }
}
