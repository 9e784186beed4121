/**
 * `sluice prox`: what bin/sluice-prox runs, as the plugin of a prox that holds its stdin and stdout. SIGHUP, or a changed
 * settings file, reloads.
 */
import { setTimeout as pause } from "node:timers/promises";
import { systemClock } from "../clock.ts";
import { LiveSettings } from "../config/live.ts";
import { loadSettings } from "../config/load.ts";
import { Reloader } from "../config/reload.ts";
import { keepGarbageYoung } from "../garbage.ts";
import { createLog, type Log } from "../log.ts";
import { keepClosed } from "../prox/closed.ts";
import { pushingLog } from "../prox/log-push.ts";
import { ProxStdio } from "../prox/stdio.ts";
import type { ProxApp } from "../wiring/prox.ts";
import { startProx } from "../wiring/prox-start.ts";

/** prox waits for its plugin for ever: what has not ended by then ends as if it were killed, which the journal stands. */
const endWithinMs = 4_500;
const diskLookMs = 5;

const ports = ["admin"] as const;
/** Settings that mean nothing here. */
const ofServe = /^(node|(http|sessions|stop)\..*|nodes\..*\.(auth|closeUserConn))$/;

export async function prox(configFile: string | null): Promise<void> {
  keepGarbageYoung();
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
  void told.then((reason) => systemClock.after(endWithinMs, () => endByForce(reason, log)));
  const start = async (): Promise<{ app: ProxApp; ownLog: Log }> => {
    const read = () => loadSettings(configFile, process.env, { ports }).settings;
    const settings = read();
    const ownLog = createLog(settings.log);
    const live = new LiveSettings(settings, ports);
    live.onChange((now) => {
      ownLog.level = now.log.level;
    });
    log = pushingLog(ownLog, stdio, () => live.now.prox.log);
    const reloader = new Reloader({
      file: configFile ?? "sluice.toml",
      live,
      read,
      uses: (key) => !ofServe.test(key),
      clock: systemClock,
      log,
    });
    process.on("SIGHUP", () => reloader.reload("SIGHUP"));
    reloader.watch();
    return { app: await startProx(live, log, systemClock, stdio), ownLog };
  };
  const { app, ownLog } = await start().catch(async (thrown) => {
    await keepClosed(stdio, thrown, told, systemClock);
    // It would keep the process, and prox does not start a plugin anew that has not ended.
    process.stdin.destroy();
    throw thrown;
  });
  const reason = await told;
  ownLog.info({ reason }, "stopping");
  await app.stop(reason);
  ownLog.info({ reason }, "stopped");
  // Else exit() would wait, and nothing would end it.
  while (isDiskAsked()) await pause(diskLookMs);
  // stdin may still be open, and would keep the process.
  process.exit(0);
}

/** By a signal, since exit() waits for what the disk was asked and may never answer. */
function endByForce(reason: string, log: Log | null): void {
  log?.error({ reason }, "the plugin did not end in time; ended by force");
  process.kill(process.pid, "SIGKILL");
}

function isDiskAsked(): boolean {
  return process.getActiveResourcesInfo().some((kind) => kind.startsWith("FSReq"));
}
