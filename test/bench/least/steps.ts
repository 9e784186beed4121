/**
 * What the least program does beside reading a body and answering: each step on top of the one before, but for the last
 * one, which is another way to do `record`: more calls share a sync, and none is under way meanwhile.
 */
export const steps = ["parse", "ids", "event", "record", "gathered"] as const;
export type Step = (typeof steps)[number];
