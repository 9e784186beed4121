/**
 * What the least program does beside reading a body and answering: each step on top of the one before, but for the last
 * two: other ways to do `record`. With `gathered` more calls share a sync, and none is under way meanwhile; with `hono` the
 * edge is Hono, as Sluice's has to be.
 */
export const steps = ["parse", "ids", "event", "record", "gathered", "hono"] as const;
export type Step = (typeof steps)[number];
