/** `sluice prox`: what bin/sluice-prox runs, as the plugin of a prox that holds its stdin and stdout. */
import { systemClock } from "../clock.ts";
import { loadSettings } from "../config/load.ts";
import { createLog, type Log } from "../log.ts";
import { keepClosed } from "../prox/closed.ts";
import { pushingLog } from "../prox/log-push.ts";
import { ProxStdio } from "../prox/stdio.ts";
import type { ProxApp } from "../wiring/prox.ts";
import { startProx } from "../wiring/prox-start.ts";

/** prox waits for its plugin for ever: what has not ended by then ends as if it were killed, which the journal stands. */
const endWithinMs = 4_500;

export async function prox(configFile: string | null): Promise<void> {
  const { promise: told, resolve: end } = Promise.withResolvers<string>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => end(signal));
  // Until the settings are read there is nothing to log by.
  let log: Log | null = null;
  const stdio = new ProxStdio({
    input: process.stdin,
    output: process.stdout,
    onConfigure: (binding) => log?.info({ ...binding }, "configured by prox"),
    onEnd: () => end("stdin ended"),
    clock: systemClock,
    warn: (fields, text) => log?.warn(fields, text),
  });
  const start = async (): Promise<{ app: ProxApp; ownLog: Log }> => {
    const { settings } = loadSettings(configFile, process.env);
    const ownLog = createLog(settings.log);
    log = pushingLog(ownLog, stdio, settings.prox.log);
    return { app: await startProx(settings, log, systemClock, stdio), ownLog };
  };
  const { app, ownLog } = await start().catch(async (thrown) => {
    await keepClosed(stdio, thrown, told, systemClock);
    // It would keep the process, and prox does not start a plugin anew that has not ended.
    process.stdin.destroy();
    throw thrown;
  });
  const reason = await told;
  systemClock.after(endWithinMs, () => {
    ownLog.error({ reason }, "the plugin did not end in time; ended by force");
    process.exit(1);
  });
  ownLog.info({ reason }, "stopping");
  await app.stop(reason);
  ownLog.info({ reason }, "stopped");
  // stdin may still be open, and would keep the process.
  process.exit(0);
}
