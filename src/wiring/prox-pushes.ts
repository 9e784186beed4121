/** What operators wrote for prox itself, told to it. */
import type { Metrics } from "../admin/metrics.ts";
import type { Replica } from "../policy/replica.ts";
import { readKey } from "../policy/rule-key.ts";
import { isTargets } from "../policy/store.ts";
import { Pusher, type PushPort } from "../prox/pusher.ts";
import { releaseMs, type WiringParts } from "./parts.ts";

/** To be called when the policy of the process before has been taken over, and before its source is read. */
export function openPushes(
  { clock, log, resources }: WiringParts,
  replica: Replica,
  metrics: Metrics,
  port: PushPort,
): void {
  const pusher = new Pusher({
    port,
    wanted: () => (replica.available ? replica.rules.pushes() : null),
    clock,
    log,
    onPush: (kind, outcome) => metrics.proxPush(kind, outcome),
  });
  replica.watchPushes(() => pusher.changed());
  port.onConfigured(() => pusher.configured());
  resources.onRelease("pushes", releaseMs, () => pusher.close());
  // Of targets nothing can be taken back, and the prox of now may never have heard of these.
  const ended = replica.endedPushes.filter((key) => !isTargets(key)).map((key) => readKey(key).key.id);
  pusher.begin(ended);
}
