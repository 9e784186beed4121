/**
 * The wiring of the plugin that prox starts.
 *
 *   slot ▶ journal ▶ policy as last known ▶ socket ▶ READY ▶ forwarder ▶ admin port       stop() walks back
 *                                  └──▶ policy source, which nobody waits for
 *
 * Until the plugin is ready prox stands open, so that nothing stands before it that could wait for anybody: where no
 * policy is known yet, every call is refused until one is. What fails behind it costs its own part and not the plugin.
 */
import { resolve } from "node:path";
import { explainAsked } from "../admin/explain.ts";
import type { Metrics } from "../admin/metrics.ts";
import { policyReport } from "../admin/policy-report.ts";
import { AdminPort, adminApp } from "../admin/server.ts";
import type { Clock } from "../clock.ts";
import type { Settings } from "../config/settings.ts";
import { textOf } from "../errors.ts";
import { newId } from "../events/ids.ts";
import type { Forwarder } from "../forwarder/handle.ts";
import { instanceOf } from "../journal/identity.ts";
import type { Log } from "../log.ts";
import type { PolicySource } from "../policy/policy.ts";
import type { PushPort } from "../prox/pusher.ts";
import { Requests } from "../prox/requests.ts";
import { takeSlot } from "../prox/slots.ts";
import { socketPathIn } from "../prox/socket-path.ts";
import { HookServer } from "../prox/socket-server.ts";
import { Resources } from "../resources.ts";
import type { SessionList } from "../sessions/listing.ts";
import { version } from "../version.ts";
import { openBans } from "./bans.ts";
import { openBridge } from "./bridge.ts";
import { DeadSlots } from "./dead-slots.ts";
import { openForwarder } from "./forwarder.ts";
import { releaseMs, type WiringParts } from "./parts.ts";
import { type OpenPolicy, openPolicy } from "./policy.ts";
import { openPushes } from "./prox-pushes.ts";
import { openTelling } from "./telling.ts";

/** prox waits for the plugin's end, and longer than for one call nobody waits. */
const drainMs = 1_500;
const policyRetryMs = 1_000;

export interface ProxApp {
  readonly instance: string;
  readonly socket: string;
  /** Resolves when the policy has been asked for, and what stands behind it is open. */
  readonly settled: Promise<void>;
  /** Answers what has come whole, tells of the end, writes what waits. */
  stop(reason: string): Promise<void>;
}

/**
 * @param onReady given the socket's path as soon as it listens
 * @param prox where it is told its targets and speeds
 * @throws SluiceError for whatever keeps it from listening; what was acquired until then has been released
 */
export async function startProx(
  settings: Settings,
  log: Log,
  clock: Clock,
  onReady: (socket: string) => void,
  prox: PushPort,
): Promise<ProxApp> {
  const resources = new Resources(clock, log);
  try {
    return await start({ settings, log, clock, resources }, onReady, prox);
  } catch (thrown) {
    await resources.release();
    throw thrown;
  }
}

async function start(
  given: Omit<WiringParts, "dataDir">,
  onReady: (socket: string) => void,
  prox: PushPort,
): Promise<ProxApp> {
  const { settings, clock, log, resources } = given;
  const folder = resolve(settings.data.dir);
  const slot = takeSlot(folder);
  resources.onRelease("slot", releaseMs, () => slot.release());
  const parts: WiringParts = { ...given, dataDir: slot.dir };
  const origin = { instance: await instanceOf(slot.dir), epoch: newId() };
  const { node, deadlineMs } = settings.prox;

  let forwarder: Forwarder | null = null;
  let deadSlots: DeadSlots | null = null;
  const telling = await openTelling(parts, origin, deadlineMs, {
    policy: () => opened,
    forwarder: () => forwarder?.state() ?? null,
    sessions: () => null,
  });
  const { journal, previous, announcer, metrics, tellLoss, tellPolicy } = telling;
  const opened = await openPolicy(parts, tellPolicy);
  const { replica, source } = opened;
  openPushes(parts, replica, metrics, prox);
  let stopping = false;
  // A policy file is read in less time than the rest takes; nobody waits for it.
  const loading = loaded(source, parts, () => stopping);
  resources.onRelease("policy source", releaseMs, () => {
    stopping = true;
    return source.close();
  });

  const requests = new Requests(clock);
  const bans = openBans(parts, origin, metrics, () => replica.rules.bans);
  const needs = { policy: replica, bans, sessions: requests, journal, announcer, origin, metrics };
  const { bridge, malformed } = openBridge(parts, "prox", needs);
  const server = new HookServer({
    node,
    deadlineMs,
    clock,
    handle: (op, ms) => bridge.handle(op, ms),
    malformed: (report) => malformed.report(report),
    failed: (problem) => log.error({ problem }, "a call of prox failed; its connection is closed"),
  });
  const socket = socketPathIn(slot.dir);
  await server.listen(socket);
  resources.onRelease("socket", releaseMs, () => server.close(0));
  onReady(socket);

  /** What can wait, and must not keep the plugin from answering. */
  const settle = async (): Promise<void> => {
    await loading;
    if (stopping) return;
    const { revision, size: rules } = replica.rules;
    const { available } = replica;
    const policy = { source: source.state().kind, available, rules, revision };
    await announcer.started(version, previous, policy, settings.kafka.brokers.length > 0);
    forwarder = openForwarder(parts, origin, journal, announcer, metrics, (loss) => void tellLoss(loss));
    if (forwarder !== null) deadSlots = new DeadSlots(parts, folder, origin.instance, metrics, policy);
    await openAdmin(parts, metrics, opened, requests, () =>
      replica.available ? null : "no policy has been loaded yet",
    );
    log.info({ node, ...origin, dataDir: slot.dir, policy }, `sluice ${version} answers prox`);
  };
  const settled = settle().catch((thrown) =>
    log.error({ problem: textOf(thrown) }, "a part of the plugin could not be started; it answers without"),
  );
  return {
    instance: origin.instance,
    socket,
    settled,
    async stop(reason) {
      stopping = true;
      await Promise.all([server.close(drainMs), source.close()]);
      await settled;
      malformed.flush();
      await announcer.stopped(reason);
      await Promise.all([deadSlots?.stop(), resources.release()]);
    },
  };
}

/** A policy file that cannot be read is no reason to go: prox would then stand open, or fail for everybody. */
async function loaded(
  source: PolicySource,
  { clock, log }: WiringParts,
  stopping: () => boolean,
): Promise<void> {
  for (let told = ""; !stopping(); ) {
    try {
      return await source.start();
    } catch (thrown) {
      const problem = textOf(thrown);
      if (problem !== told) log.error({ problem }, "no policy; everything is refused until there is one");
      told = problem;
      await new Promise<void>((resume) => clock.after(policyRetryMs, resume));
    }
  }
}

/** Several plugins run on one machine: the first has the port, and the others go without. */
async function openAdmin(
  { settings, clock, log, resources }: WiringParts,
  metrics: Metrics,
  { replica, source }: OpenPolicy,
  { counts: connections, proxies }: Requests,
  notReady: () => string | null,
): Promise<void> {
  const { host, port, token } = settings.admin;
  const { prox, nodes } = settings;
  const none = async (): Promise<SessionList> => {
    return { at: new Date(clock.now()).toISOString(), open: 0, ending: 0, unknown: 0, sessions: [] };
  };
  const admin = new AdminPort(
    adminApp({
      token,
      registry: metrics.registry,
      notReady,
      sessions: none,
      explain: (body) => {
        const { node } = prox;
        return explainAsked(body, { policy: replica, connections, proxies, node, nodes, nowMs: clock.now() });
      },
      policy: () => policyReport(replica, source.state(), { kinds: () => [] }),
      acceptEmpty: () => replica.acceptEmpty(),
    }),
  );
  try {
    await admin.listen(host, port);
    resources.onRelease("admin port", releaseMs, () => admin.close());
  } catch (thrown) {
    log.warn({ problem: textOf(thrown) }, "going on without an admin port");
  }
}
