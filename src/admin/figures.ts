/** Metrics whose figures others keep: they are asked for when Prometheus scrapes, and cost nothing between. */
import { Counter, Gauge, type Registry } from "prom-client";

/** A figure that goes up and down. */
export function gauge(registry: Registry, name: string, help: string, figure: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(figure());
    },
  });
}

/** A figure that only ever rises while the process lives. */
export function total(registry: Registry, name: string, help: string, figure: () => number): void {
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(figure());
    },
  });
}
