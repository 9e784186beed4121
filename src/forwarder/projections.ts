/** The projections of the events, behind the port of the loop. */

import type { ProjectionName } from "../events/projections/names.ts";
import type { SluiceEvent } from "../events/schema.ts";
import type { Projection } from "./form.ts";

export interface KeptProjection extends Projection {
  readonly retentionMs: number;
}

const dayMs = 86_400_000;

/** What they need, the schemas of all events among it, is loaded only where there are any. */
export async function projectionsOf(names: readonly ProjectionName[]): Promise<KeptProjection[]> {
  if (names.length === 0) return [];
  const { projectionTopics } = await import("../events/projections/projections.ts");
  return projectionTopics(names).map(({ topic, retentionDays, has, render }) => ({
    topic,
    retentionMs: retentionDays * dayMs,
    has,
    render: (event) => render(JSON.parse(event) as SluiceEvent),
  }));
}
