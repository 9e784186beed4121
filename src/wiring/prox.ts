/**
 * The wiring of the plugin that prox starts, behind READY.
 *
 *   READY (prox-entrance.ts) ▶ journal ▶ policy ▶ door opens ▶ forwarder ▶ admin port       stop() walks back
 *
 * What fails before the door opens ends the plugin; what fails behind it costs its own part. Where no policy is known
 * when the door opens, every call is refused until one is.
 */
import { textOf } from "../errors.ts";
import { newId } from "../events/ids.ts";
import type { Forwarder } from "../forwarder/handle.ts";
import { instanceOf } from "../journal/identity.ts";
import type { PushPort } from "../prox/pusher.ts";
import { Requests } from "../prox/requests.ts";
import { pseudonymsOf } from "../pseudonyms/pseudonyms.ts";
import { version } from "../version.ts";
import { openBans } from "./bans.ts";
import { openBridge } from "./bridge.ts";
import { DeadSlots } from "./dead-slots.ts";
import { FirstLoad } from "./first-load.ts";
import { openForwarder } from "./forwarder.ts";
import { releaseMs } from "./parts.ts";
import { openPolicy } from "./policy.ts";
import type { ProxEntrance } from "./prox-entrance.ts";
import { openPushes } from "./prox-pushes.ts";
import { openTelling } from "./telling.ts";

/** prox waits for the plugin's end, and longer than for one call nobody waits. */
const drainMs = 1_500;

export interface ProxApp {
  readonly instance: string;
  readonly socket: string;
  /** Resolves when the policy has been asked for, and what stands behind it is open. */
  readonly settled: Promise<void>;
  /** Answers what has come whole, tells of the end, writes what waits. */
  stop(reason: string): Promise<void>;
}

/**
 * @param ready when it became so, in milliseconds since the start of the process
 * @param prox where it is told its targets and speeds
 * @throws SluiceError for whatever keeps it from answering; what was acquired stands in the entrance's resources
 */
export async function openProx(
  { parts, folder, socket, server, door }: ProxEntrance,
  ready: Promise<number>,
  prox: PushPort,
): Promise<ProxApp> {
  const { settings, clock, log, resources, dataDir } = parts;
  const pseudonyms = pseudonymsOf(settings.events);
  const origin = { instance: await instanceOf(dataDir), epoch: newId(), naming: pseudonyms?.naming };
  const { node, deadlineMs } = settings.prox;

  let forwarder: Forwarder | null = null;
  let deadSlots: DeadSlots | null = null;
  const telling = await openTelling(parts, origin, deadlineMs, pseudonyms, {
    policy: () => opened,
    forwarder: () => forwarder?.state() ?? null,
    sessions: () => null,
  });
  const { journal, previous, announcer, metrics, volume, tellLoss, tellPolicy } = telling;
  void ready.then((ms) => metrics.proxReady(ms));
  const opened = await openPolicy(parts, tellPolicy);
  const { replica, source } = opened;
  openPushes(parts, replica, metrics, prox);
  const load = new FirstLoad(source, clock, log);
  resources.onRelease("policy source", releaseMs, () => {
    load.stop();
    return source.close();
  });

  const requests = new Requests(clock);
  const bans = await openBans(parts, origin, metrics, () => replica.rules.bans);
  const sessions = requests;
  const needs = { policy: replica, bans, sessions, journal, announcer, origin, metrics, volume, pseudonyms };
  const { bridge, watch, malformed } = openBridge(parts, "prox", needs);

  await load.awaited(replica.available, deadlineMs);
  const policyNow = () => {
    const { revision, size: rules } = replica.rules;
    return { source: source.state().kind, available: replica.available, rules, revision };
  };
  const policy = policyNow();
  const kafka = settings.kafka.brokers.length > 0;
  // Numbered before the door opens, and so before whatever comes in by it.
  const started = announcer.started(version, previous, policy, kafka);
  door.open({
    handle: (op, ms) => bridge.handle(op, ms),
    malformed: (report) => {
      watch.malformed(report);
      malformed.report(report);
    },
  });

  /** What can wait, and must not keep the plugin from answering. */
  const settle = async (): Promise<void> => {
    await started;
    forwarder = openForwarder(parts, origin, journal, announcer, metrics, (loss) => void tellLoss(loss));
    if (forwarder !== null) deadSlots = new DeadSlots(parts, folder, origin.instance, metrics, policy);
    const { openProxAdmin } = await import("./prox-admin.ts");
    await openProxAdmin(parts, metrics, opened, requests, () =>
      replica.available ? null : "no policy has been loaded yet",
    );
    await load.done;
    log.info({ node, ...origin, dataDir, policy: policyNow() }, `sluice ${version} answers prox`);
  };
  const settled = settle().catch((thrown) =>
    log.error({ problem: textOf(thrown) }, "a part of the plugin could not be started; it answers without"),
  );
  return {
    instance: origin.instance,
    socket,
    settled,
    async stop(reason) {
      load.stop();
      await Promise.all([server.close(drainMs), source.close()]);
      await settled;
      malformed.flush();
      await announcer.stopped(reason);
      await Promise.all([deadSlots?.stop(), resources.release()]);
    },
  };
}
