/** The counts that a decision was made by, as its checks tell them. */
import type { OpData } from "../events/data.ts";
import { countedByScope } from "../policy/conditions/limits.ts";
import type { ConnectionCounts, CountedBy, ProxyCounts } from "../policy/facts.ts";
import { readKey } from "../policy/rule-key.ts";

export interface RecordedCounts {
  readonly connections: ConnectionCounts;
  readonly proxies: ProxyCounts;
}

/**
 * Of one op: whose user, proxy and address are asked about are its own. A count is told for the limit that it was
 * compared with alone; under another one, others would have been let in before.
 */
export function recordedCounts(checks: OpData["decision"]["checks"]): RecordedCounts {
  const counts = new Map<string, number>();
  let endsAnnounced: boolean | null = null;
  for (const { rule, condition, result, count, limit } of checks) {
    if (condition === "limits.connections" && result === "not_enforceable") endsAnnounced = false;
    if (count === undefined || limit === undefined) continue;
    if (condition === "limits.connections") endsAnnounced = true;
    const { scope } = readKey(rule).key;
    const by = scope === null ? undefined : countedByScope[scope];
    if (by !== undefined) counts.set(`${condition} ${by} ${limit}`, count);
  }
  const of = (condition: string, by: CountedBy, limit: number | undefined): number | null =>
    counts.get(`${condition} ${by} ${limit}`) ?? null;
  return {
    connections: {
      open: (by, _id, limit) => of("limits.connections", by, limit),
      begun: (by, _id, limit) => of("limits.connectionsPerMinute", by, limit),
      logins: (by, _id, limit) => of("limits.loginsPerMinute", by, limit),
      endsAnnounced: () => endsAnnounced,
    },
    proxies: { others: (_node, _user, _name, limit) => of("proxies.max", "user", limit) },
  };
}
