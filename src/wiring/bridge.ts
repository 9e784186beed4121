/** The bridge behind an edge, and what the edge reports of calls that are no op. */
import type { Metrics } from "../admin/metrics.ts";
import type { Announcer } from "../announcer.ts";
import { BoundedLines } from "../bounded-lines.ts";
import { Bridge, type BridgeSessions } from "../bridge.ts";
import type { Origin } from "../events/draft.ts";
import { redactor } from "../events/redact.ts";
import type { Volume } from "../events/volume.ts";
import type { Journal } from "../journal/journal.ts";
import { MalformedReports } from "../malformed.ts";
import { observer } from "../observer.ts";
import type { Op } from "../op.ts";
import type { Bans } from "../policy/bans.ts";
import type { PolicyView } from "../policy/policy.ts";
import type { Pseudonyms } from "../pseudonyms/pseudonyms.ts";
import { releaseMs, type WiringParts } from "./parts.ts";

export interface BridgeNeeds {
  readonly policy: PolicyView;
  readonly bans: Bans | null;
  readonly sessions: BridgeSessions;
  readonly journal: Journal;
  readonly announcer: Announcer;
  readonly origin: Origin;
  readonly metrics: Metrics;
  readonly volume: Volume | null;
  readonly pseudonyms: Pseudonyms | null;
}

export interface OpenBridge {
  readonly bridge: Bridge;
  readonly watch: ReturnType<typeof observer>;
  /** Whoever closes the edge flushes it behind. */
  readonly malformed: MalformedReports;
}

export function openBridge(
  { settings, clock, log, resources }: WiringParts,
  protocol: Op["protocol"],
  { policy, bans, sessions, journal, announcer, origin, metrics, volume, pseudonyms }: BridgeNeeds,
): OpenBridge {
  const lines = new BoundedLines(log, clock);
  resources.onRelease("counts of lines left out", releaseMs, async () => lines.flush());
  const watch = observer(metrics, log, lines, bans);
  const redact = redactor(settings.events.redact, settings.events.hmacKey, () => metrics.redacted());
  const { onFailure } = settings.journal;
  const bridge = new Bridge({
    policy,
    sessions,
    journal,
    origin,
    redact,
    clock,
    observer: watch,
    onFailure,
    volume,
    pseudonyms,
  });
  const malformed = new MalformedReports({
    protocol,
    clock,
    origin,
    publish: (draft) => void announcer.publish(draft),
    count: (reason) => metrics.malformed(reason),
    pseudonyms,
  });
  return { bridge, watch, malformed };
}
