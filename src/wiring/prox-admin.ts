/** The port for operators of the plugin that prox starts; loaded when the plugin answers already. */
import { explainAsked } from "../admin/explain.ts";
import type { Metrics } from "../admin/metrics.ts";
import { policyReport } from "../admin/policy-report.ts";
import { AdminPort, adminApp } from "../admin/server.ts";
import { textOf } from "../errors.ts";
import type { Requests } from "../prox/requests.ts";
import type { SessionList } from "../sessions/listing.ts";
import { releaseMs, type WiringParts } from "./parts.ts";
import type { OpenPolicy } from "./policy.ts";

/** Several plugins run on one machine: the first has the port, and the others go without. */
export async function openProxAdmin(
  { settings, live, clock, log, resources }: WiringParts,
  metrics: Metrics,
  { replica, source }: OpenPolicy,
  { counts: connections, proxies }: Requests,
  notReady: () => string | null,
): Promise<void> {
  const { host, port } = settings.admin;
  const { node } = settings.prox;
  metrics.readiness(notReady);
  const none = async (): Promise<SessionList> => {
    return { at: new Date(clock.now()).toISOString(), open: 0, ending: 0, unknown: 0, sessions: [] };
  };
  const admin = new AdminPort(
    adminApp({
      token: () => live.now.admin.token,
      registry: metrics.registry,
      notReady,
      sessions: none,
      pseudonyms: null,
      explain: (body) => {
        const { nodes } = live.now;
        return explainAsked(body, {
          policy: replica,
          connections,
          proxies,
          pseudonyms: null,
          node,
          nodes,
          nowMs: clock.now(),
        });
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
