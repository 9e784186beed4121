/** The two ports: the one that frps asks, and the one for operators. */
import type { AddressInfo } from "node:net";
import { explainAsked } from "../admin/explain.ts";
import type { Metrics } from "../admin/metrics.ts";
import { policyReport } from "../admin/policy-report.ts";
import { AdminPort, adminApp } from "../admin/server.ts";
import { Callers } from "../frp/caller.ts";
import { frpEdge } from "../frp/edge.ts";
import { PluginPort } from "../frp/server.ts";
import { listSessions } from "../sessions/listing.ts";
import type { Sessions } from "../sessions/sessions.ts";
import { ServerTls } from "../tls/server.ts";
import { type BridgeNeeds, openBridge } from "./bridge.ts";
import { releaseMs, type WiringParts } from "./parts.ts";
import type { OpenPolicy } from "./policy.ts";

export async function openAdminPort(
  { settings, clock, resources }: WiringParts,
  metrics: Metrics,
  sessions: Sessions,
  { replica, source }: OpenPolicy,
  notReady: () => string | null,
): Promise<AddressInfo> {
  const { host, port, token } = settings.admin;
  const { node, nodes } = settings;
  const { counts: connections, proxies } = sessions;
  metrics.readiness(notReady);
  const admin = new AdminPort(
    adminApp({
      token,
      registry: metrics.registry,
      notReady,
      sessions: (filter) => listSessions(sessions, filter, clock.now(), clock.monotonic()),
      explain: (body) =>
        explainAsked(body, { policy: replica, connections, proxies, node, nodes, nowMs: clock.now() }),
      policy: () => policyReport(replica, source.state(), sessions.roster),
      acceptEmpty: () => replica.acceptEmpty(),
    }),
  );
  const address = await admin.listen(host, port);
  resources.onRelease("admin port", releaseMs, () => admin.close());
  return address;
}

export async function openPluginPort(
  parts: WiringParts,
  needs: BridgeNeeds & { readonly stopping: () => boolean },
): Promise<{ readonly address: AddressInfo; readonly cut: () => void }> {
  const { settings, clock, log, resources } = parts;
  const { http } = settings;
  const { bridge, watch, malformed } = openBridge(parts, "frp", needs);
  resources.onRelease("counts of malformed calls", releaseMs, () => malformed.flush());
  const edge = frpEdge({
    path: http.path,
    deadlineMs: http.deadlineMs,
    loginsPerMinute: http.loginsPerMinute,
    callers: new Callers({ node: settings.node, auth: http.auth, nodes: settings.nodes }),
    clock,
    handle: (op, deadlineMs) => bridge.handle(op, deadlineMs),
    malformed: (report) => malformed.report(report),
    observer: watch,
    stopping: needs.stopping,
  });
  const tls = http.tls.cert === undefined ? null : new ServerTls("http.tls", http.tls, clock, log);
  const onFailure = (problem: string, peer: string | undefined): void =>
    log.warn({ problem, peer }, "a caller of the plugin port does not get through TLS");
  const port = new PluginPort(edge.fetch, clock, tls && { shown: tls.read(), onFailure });
  const address = await port.listen(http.host, http.port);
  tls?.watch((shown) => port.show(shown));
  const { drainMs } = settings.stop;
  resources.onRelease("plugin port", drainMs + releaseMs, () => port.stop(drainMs));
  resources.onRelease("certificate", releaseMs, async () => tls?.stop());
  return { address, cut: () => port.cut() };
}
