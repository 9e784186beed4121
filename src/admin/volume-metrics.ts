/** Events that `events.publish` leaves out; counted where that is decided. */
import { Counter, type Registry } from "prom-client";
import { leavable } from "../events/volume.ts";

export function volumeMetrics(registry: Registry, leftOut: () => Readonly<Record<string, number>>): void {
  new Counter({
    name: "sluice_events_left_out_total",
    help: "Events not published, since events.publish leaves them out",
    labelNames: ["type"],
    registers: [registry],
    collect() {
      this.reset();
      const counts = leftOut();
      for (const type of leavable) this.inc({ type }, counts[type] ?? 0);
    },
  });
}
