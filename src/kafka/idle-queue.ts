/**
 * Keeps kafkajs's request queues from spinning. Version 2.2.4 sets a timer of 1 ms again and again on every
 * connection that has once answered, whether anything waits or not: about 1,000 wake-ups a second each, and on
 * Node 24 a TimeoutNegativeWarning. The timer is needed only while requests wait for a throttled broker.
 *
 * This reaches into the package, whose version is pinned; where the method is gone, nothing is changed.
 */
import { createRequire } from "node:module";

interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
  scheduleCheckPendingRequests(): void;
}

const queue = createRequire(import.meta.url)("kafkajs/src/network/requestQueue/index.js") as {
  readonly prototype: RequestQueue;
};
const schedule = queue.prototype.scheduleCheckPendingRequests;

if (typeof schedule === "function") {
  queue.prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.pending.length > 0) schedule.call(this);
  };
}
