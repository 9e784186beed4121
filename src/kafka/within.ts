import type { Clock } from "../clock.ts";
import { SluiceError } from "../errors.ts";

/** `work`, or kafka_unavailable when it takes longer. The work itself goes on; nobody waits for it any more. */
export function within<T>(clock: Clock, timeoutMs: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(timeoutMs, () =>
      reject(new SluiceError("kafka_unavailable", `no answer within ${timeoutMs} ms`, { retryable: true })),
    );
    work.then(resolve, reject).finally(cancel);
  });
}
