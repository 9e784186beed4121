/** `sluice serve`: runs the bridge until it is told to stop. */
import { startApp } from "../app.ts";
import { systemClock } from "../clock.ts";
import { loadSettings } from "../config/load.ts";
import { securityRemarks } from "../config/tls-files.ts";
import { createLog, isForPeople, LineSink } from "../log.ts";
import { version } from "../version.ts";
import { summaryRows, summaryText } from "./summary.ts";

/**
 * Ctrl-C reaches every process of a terminal, and npm and bin/sluice.js pass a signal on as well: what comes
 * within this time is the same wish.
 */
const sameSignalMs = 250;

export async function serve(configFile: string | null): Promise<void> {
  const { settings } = loadSettings(configFile, process.env, { tlsFiles: true });
  const log = createLog(settings.log);
  for (const remark of securityRemarks(settings)) log.warn(remark);
  // Heard from the beginning: a signal during the start ends a bridge that has just begun.
  const { promise: told, resolve } = Promise.withResolvers<NodeJS.Signals>();
  let hear: (signal: NodeJS.Signals) => void = resolve;
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => hear(signal));

  // The clock's timers keep no process alive, and until a port is open nothing else may: a Redis that is away, or refuses
  // us, leaves no connection.
  const alive = setInterval(() => {}, 60_000);
  const app = await startApp(settings, log, systemClock).finally(() => clearInterval(alive));
  const rows = summaryRows(settings, app);
  if (isForPeople(settings.log)) new LineSink().write(summaryText(version, rows));
  // Whatever log.level says, as the summary for people.
  else
    createLog({ ...settings.log, level: "info" }).info(Object.fromEntries(rows), `sluice ${version} answers`);

  const reason = await told;
  const { delayMs, drainMs } = settings.stop;
  log.info({ reason, delayMs, drainMs }, "stopping");
  const cancel = systemClock.after(sameSignalMs, () => {
    hear = () => app.hurry();
    log.info("a second signal ends it at once");
  });
  await app.stop(reason);
  cancel();
  log.info({ reason }, "stopped");
}
