/** Moves the wall clock of this thread, and lets performance.now() be. Loaded by --import, in workers too. */
import { readControl } from "../tools/steering.ts";

const realNow = Date.now;
const now = (): number => realNow() + readControl().clockOffsetMs;

Date.now = now;
globalThis.Date = new Proxy(Date, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as Date,
  apply: (target) => new target(now()).toString(),
});
