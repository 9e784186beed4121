/** What prox makes of pushes: which targets and speeds its routes have. Facts of prox v0.35.1, test/hosts/prox-pushes.ts. */

export interface ModelledRoute {
  readonly id: string;
  readonly action: string;
  readonly balancer: boolean;
  readonly bound: boolean;
}

interface Line {
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

const fromConfig = "config";

export class ModelledProx {
  readonly routes: readonly ModelledRoute[];
  /** By route. */
  readonly targets = new Map<string, unknown>();
  readonly speeds = new Map<string, string>();

  constructor(routes: readonly ModelledRoute[]) {
    this.routes = routes;
    this.reload();
  }

  /** Its config has other targets; speeds stay. */
  reload(): void {
    for (const { id } of this.routes) this.targets.set(id, fromConfig);
  }

  take({ method, params = {} }: Line): void {
    const { route_id, action, targets, download_mbps, upload_mbps } = params;
    const wide = action !== undefined || route_id === "*";
    const meant = this.routes.filter(({ id, balancer, action: own }) =>
      wide ? balancer && (action === undefined || own === action) : id === route_id,
    );
    if (method === "set_speed")
      for (const { id } of meant) this.speeds.set(id, `${download_mbps} ${upload_mbps}`);
    if (method === "set_targets")
      for (const { id, bound, balancer } of meant)
        if (balancer && (wide || bound)) this.targets.set(id, targets);
  }
}
