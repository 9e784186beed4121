/**
 * What a plugin that cannot start does before it ends.
 *
 * prox lets everybody through until its plugin is ready, also where the plugin has ended, and shows its stderr at debug
 * only. So prox is told why in its own log, and to ask at a socket that cannot be: it answers 500 until a plugin starts.
 */
import type { Clock } from "../clock.ts";
import { textOf } from "../errors.ts";
import type { ProxStdio } from "./stdio.ts";

/** No folder, so that nobody can listen there in our place; prox tells it of each call that it could not ask about. */
const nowhere = "/dev/null/sluice-did-not-start";

/** What prox has been told sets its delay of restarts back to 1 s: it would fill its log with ours. */
const stayMs = 5_000;

/**
 * @param thrown why it cannot start
 * @param ended resolves when prox wants the plugin to end
 * @returns when the process may end: prox starts it anew a second later
 */
export async function keepClosed(
  stdio: Pick<ProxStdio, "log" | "ready">,
  thrown: unknown,
  ended: Promise<unknown>,
  clock: Clock,
): Promise<void> {
  const problem = textOf(thrown).replaceAll(/(:?)\s*\n[\s-]*/g, (_, colon) => (colon ? ": " : "; "));
  stdio.log("error", "sluice cannot start; until it does, everything is refused", ["problem", problem]);
  void stdio.ready(nowhere);
  const stayed = Promise.withResolvers<void>();
  const cancel = clock.after(stayMs, () => stayed.resolve());
  await Promise.race([ended, stayed.promise]);
  cancel();
}
