/**
 * The wiring: acquires what the bridge is made of, in order, and releases it in reverse.
 *
 *   data dir ▶ journal ▶ sessions ▶ policy ▶ forwarder ▶ admin port ▶ plugin port       stop() walks back
 *
 * The journal opens before the policy, so that what the policy tells while it loads is recorded too; the ports
 * open last, so that nobody is answered by half a bridge.
 */
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import type { Clock } from "./clock.ts";
import type { LiveSettings } from "./config/live.ts";
import { newId } from "./events/ids.ts";
import type { Forwarder } from "./forwarder/handle.ts";
import { instanceOf } from "./journal/identity.ts";
import { lockDataDir } from "./journal/lock.ts";
import type { Log } from "./log.ts";
import { pseudonymsOf } from "./pseudonyms/pseudonyms.ts";
import { Resources } from "./resources.ts";
import type { Sessions } from "./sessions/sessions.ts";
import { version } from "./version.ts";
import { openBans } from "./wiring/bans.ts";
import { openForwarder } from "./wiring/forwarder.ts";
import { releaseMs, type WiringParts } from "./wiring/parts.ts";
import { openPolicy } from "./wiring/policy.ts";
import { openAdminPort, openPluginPort } from "./wiring/ports.ts";
import { openSessions } from "./wiring/sessions.ts";
import { withOtherProblems } from "./wiring/start-problems.ts";
import { openTelling } from "./wiring/telling.ts";

export interface App {
  readonly instance: string;
  readonly epoch: string;
  readonly pluginPort: AddressInfo;
  readonly adminPort: AddressInfo;
  /** As it was at the start. */
  readonly policy: {
    readonly rules: number;
    readonly unreadable: number;
    readonly available: boolean;
    readonly connected: boolean;
  };
  /** Answers what is in flight, tells of the end, writes what waits. */
  stop(reason: string): Promise<void>;
  /** Ends the drain at once; the journal is closed properly all the same. */
  hurry(): void;
}

/** @throws SluiceError for whatever keeps it from starting; what was acquired until then has been released */
export async function startApp(live: LiveSettings, log: Log, clock: Clock): Promise<App> {
  const resources = new Resources(clock, log);
  const settings = live.now;
  try {
    return await start({ settings, live, log, clock, resources, dataDir: resolve(settings.data.dir) });
  } catch (thrown) {
    await resources.release();
    throw await withOtherProblems(thrown, settings);
  }
}

async function start(parts: WiringParts): Promise<App> {
  const { settings, live, clock, resources, dataDir } = parts;
  const lock = lockDataDir(dataDir);
  resources.onRelease("data dir", releaseMs, () => lock.release());
  const pseudonyms = pseudonymsOf(settings.events);
  const origin = { instance: await instanceOf(dataDir), epoch: newId(), naming: pseudonyms?.naming };

  // Both are unknown for a while, and are told of as soon as they are known.
  let forwarder: Forwarder | null = null;
  let sessions: Sessions | null = null;
  const telling = await openTelling(parts, origin, settings.http.deadlineMs, pseudonyms, {
    policy: () => policy,
    forwarder: () => forwarder?.state() ?? null,
    sessions: () => sessions,
  });
  const { journal, previous, announcer, metrics, volume, tellLoss, tellPolicy } = telling;
  const openedSessions = await openSessions(parts, origin, journal, announcer, metrics);
  sessions = openedSessions;
  // What it knew when it last ran is told as well: whoever is told must be there before.
  const policy = await openPolicy(parts, tellPolicy);
  const { replica, source } = policy;
  await source.start();
  const { revision, size: rules, unreadable } = replica.rules;
  const { available } = replica;
  const { kind, connected } = source.state();
  const kafka = settings.kafka.brokers.length > 0;
  await announcer.started(version, previous, { source: kind, available, rules, revision }, kafka);
  openedSessions.endRecovery();
  forwarder = openForwarder(parts, origin, journal, announcer, metrics, (loss) => void tellLoss(loss));

  const ending = { begun: false, reason: "stop", delay: Promise.withResolvers<void>() };
  // The source ends first: nothing that it would tell comes behind the last words.
  resources.onRelease("last words", releaseMs, async () => {
    openedSessions.stop();
    await announcer.stopped(ending.reason);
  });
  resources.onRelease("policy source", releaseMs, () => source.close());
  const adminPort = await openAdminPort(parts, metrics, openedSessions, policy, pseudonyms, () =>
    ending.begun ? "stopping" : replica.available ? null : "no policy has been loaded yet",
  );
  const stopping = (): boolean => ending.begun;
  const plugin = await openPluginPort(parts, {
    policy: replica,
    bans: await openBans(parts, origin, metrics, () => replica.rules.bans),
    sessions: openedSessions,
    journal,
    announcer,
    origin,
    metrics,
    volume,
    pseudonyms,
    stopping,
  });

  return {
    ...origin,
    pluginPort: plugin.address,
    adminPort,
    policy: { rules, unreadable: unreadable.size, available, connected },
    async stop(reason) {
      ending.begun = true;
      ending.reason = reason;
      const cancel = clock.after(live.now.stop.delayMs, ending.delay.resolve);
      await ending.delay.promise;
      cancel();
      await resources.release();
    },
    hurry() {
      ending.delay.resolve();
      plugin.cut();
    },
  };
}
