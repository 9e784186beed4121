/** As events.projections names them. */
export const projectionNames = ["ocsf", "ecs", "flat"] as const;
export type ProjectionName = (typeof projectionNames)[number];
