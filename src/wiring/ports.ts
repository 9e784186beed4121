/** The two ports: the one that frps asks, and the one for operators. */
import type { AddressInfo } from "node:net";
import { explainAsked } from "../admin/explain.ts";
import type { Metrics } from "../admin/metrics.ts";
import { policyReport } from "../admin/policy-report.ts";
import { AdminPort, adminApp } from "../admin/server.ts";
import { Callers } from "../frp/caller.ts";
import { frpEdge } from "../frp/edge.ts";
import { PluginPort } from "../frp/server.ts";
import type { Pseudonyms } from "../pseudonyms/pseudonyms.ts";
import { listSessions } from "../sessions/listing.ts";
import type { Sessions } from "../sessions/sessions.ts";
import { ServerTls } from "../tls/server.ts";
import { type BridgeNeeds, openBridge } from "./bridge.ts";
import { releaseMs, type WiringParts } from "./parts.ts";
import type { OpenPolicy } from "./policy.ts";

export async function openAdminPort(
  { settings, live, clock, resources }: WiringParts,
  metrics: Metrics,
  sessions: Sessions,
  { replica, source }: OpenPolicy,
  pseudonyms: Pseudonyms | null,
  notReady: () => string | null,
): Promise<AddressInfo> {
  const { host, port } = settings.admin;
  const { node } = settings;
  const { counts: connections, proxies } = sessions;
  metrics.readiness(notReady);
  const admin = new AdminPort(
    adminApp({
      token: () => live.now.admin.token,
      registry: metrics.registry,
      notReady,
      sessions: (filter) => listSessions(sessions, filter, clock.now(), clock.monotonic()),
      pseudonyms,
      explain: (body) => {
        const { nodes } = live.now;
        return explainAsked(body, {
          policy: replica,
          connections,
          proxies,
          pseudonyms,
          node,
          nodes,
          nowMs: clock.now(),
        });
      },
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
  const { settings, live, clock, log, resources } = parts;
  const { http, node } = settings;
  const { bridge, watch, malformed } = openBridge(parts, "frp", needs);
  resources.onRelease("counts of malformed calls", releaseMs, () => malformed.flush());
  const callers = new Callers({ node, auth: live.now.http.auth, nodes: live.now.nodes });
  live.onChange((now) => callers.change({ node, auth: now.http.auth, nodes: now.nodes }));
  const edge = frpEdge({
    path: http.path,
    deadlineMs: http.deadlineMs,
    loginsPerMinute: () => live.now.http.loginsPerMinute,
    callers,
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
  if (tls !== null) needs.metrics.certificate(() => tls.expiresMs);
  const drainMs = (): number => live.now.stop.drainMs;
  resources.onRelease(
    "plugin port",
    () => drainMs() + releaseMs,
    () => port.stop(drainMs()),
  );
  resources.onRelease("certificate", releaseMs, async () => tls?.stop());
  return { address, cut: () => port.cut() };
}
