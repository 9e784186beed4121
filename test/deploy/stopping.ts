/**
 * What a bridge's parts may take at most to end, besides stop.delayMs and stop.drainMs: the deadlines that src/wiring
 * registers, one after the other.
 */
export const partsEndWithinMs = 90_000;
