/** What Prometheus reads of the process: what prom-client knows of it, less what says nothing of a bridge. */
import { collectDefaultMetrics, Gauge, type Registry } from "prom-client";
import type { Clock } from "../clock.ts";
import { gauge } from "./figures.ts";

/** Superfluous, or named against Prometheus's rules (`_total` belongs to counters). */
const leftOut = [
  "nodejs_active_handles",
  "nodejs_active_handles_total",
  "nodejs_active_requests",
  "nodejs_active_requests_total",
  "nodejs_active_resources",
  "nodejs_active_resources_total",
  "nodejs_eventloop_lag_min_seconds",
  "nodejs_eventloop_lag_mean_seconds",
  "nodejs_eventloop_lag_stddev_seconds",
  "nodejs_eventloop_lag_p50_seconds",
  "nodejs_eventloop_lag_p90_seconds",
  "nodejs_heap_space_size_total_bytes",
  "nodejs_heap_space_size_used_bytes",
  "nodejs_heap_space_size_available_bytes",
];

export function processMetrics(registry: Registry, version: string, clock: Clock): void {
  collectDefaultMetrics({ register: registry });
  for (const name of leftOut) registry.removeSingleMetric(name);
  new Gauge({
    name: "sluice_build_info",
    help: "1, and which version it is",
    labelNames: ["version"],
    registers: [registry],
  }).set({ version }, 1);
  gauge(
    registry,
    "sluice_time_seconds",
    "The clock by which rules begin and end, since 1970",
    () => clock.now() / 1000,
  );
}
