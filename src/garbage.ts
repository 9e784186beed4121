/**
 * How V8 looks after our memory while ops are answered.
 *
 * V8 makes what outlived some collections in the old generation from then on (allocation site pretenuring). At a start
 * under load the young generation is small, and whole ops outlive several: afterwards each op's garbage lies in the old
 * generation, and keeps alive what it points to. Bridges then took 13 MB through each collection in place of 1, and a fifth
 * of the processor (test/bench/RESULTS.md).
 */
import { setFlagsFromString } from "node:v8";

/** To be called before the first op. What V8 does not know it passes over. */
export function keepGarbageYoung(): void {
  setFlagsFromString("--no-allocation-site-pretenuring");
}
