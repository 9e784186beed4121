/** `sluice serve`: runs the bridge until it is told to stop; SIGHUP, or a changed settings file, reloads. */
import { startApp } from "../app.ts";
import { systemClock } from "../clock.ts";
import { LiveSettings } from "../config/live.ts";
import { loadSettings } from "../config/load.ts";
import { Reloader } from "../config/reload.ts";
import { securityRemarks } from "../config/tls-files.ts";
import { keepGarbageYoung } from "../garbage.ts";
import { createLog, isForPeople, LineSink } from "../log.ts";
import { version } from "../version.ts";
import { onHangup } from "./hangup.ts";
import { summaryRows, summaryText } from "./summary.ts";

/**
 * Ctrl-C reaches every process of a terminal, and npm and bin/sluice.js pass a signal on as well: what comes
 * within this time is the same wish.
 */
const sameSignalMs = 250;

export async function serve(configFile: string | null): Promise<void> {
  keepGarbageYoung();
  const read = () => loadSettings(configFile, process.env, { tlsFiles: true }).settings;
  const settings = read();
  const log = createLog(settings.log);
  for (const remark of securityRemarks(settings)) log.warn(remark);
  // Heard from the beginning: a signal during the start ends a bridge that has just begun.
  const { promise: told, resolve } = Promise.withResolvers<NodeJS.Signals>();
  let hear: (signal: NodeJS.Signals) => void = resolve;
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => hear(signal));
  const live = new LiveSettings(settings);
  live.onChange((now) => {
    log.level = now.log.level;
  });
  const uses = (key: string): boolean => !key.startsWith("prox.");
  const file = configFile ?? "sluice.toml";
  const reloader = new Reloader({ file, live, read, uses, clock: systemClock, log });
  onHangup(
    () => reloader.reload("SIGHUP"),
    () => resolve("SIGHUP"),
  );
  reloader.watch();

  // The clock's timers keep no process alive, and until a port is open nothing else may: a Redis that is away, or refuses
  // us, leaves no connection.
  const alive = setInterval(() => {}, 60_000);
  const app = await startApp(live, log, systemClock).finally(() => clearInterval(alive));
  const rows = summaryRows(settings, app);
  if (isForPeople(settings.log)) new LineSink().write(summaryText(version, rows));
  // Whatever log.level says, as the summary for people.
  else
    createLog({ ...settings.log, level: "info" }).info(Object.fromEntries(rows), `sluice ${version} answers`);

  const reason = await told;
  reloader.stop();
  const { delayMs, drainMs } = live.now.stop;
  log.info({ reason, delayMs, drainMs }, "stopping");
  const cancel = systemClock.after(sameSignalMs, () => {
    hear = () => app.hurry();
    log.info("still stopping; a second signal ends it at once");
  });
  await app.stop(reason);
  cancel();
  log.info({ reason }, "stopped");
}
