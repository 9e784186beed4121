/** User sessions: taken up where the bridge left them, and brought to disk from time to time. */
import type { Metrics } from "../admin/metrics.ts";
import type { Announcer } from "../announcer.ts";
import type { Origin } from "../events/draft.ts";
import type { FileJournal } from "../journal/file-journal.ts";
import { nodeFiles } from "../journal/files.ts";
import { sessionsObserver } from "../observer.ts";
import { recoverSessions } from "../sessions/recovery.ts";
import type { Sessions } from "../sessions/sessions.ts";
import { Snapshots } from "../sessions/snapshots.ts";
import type { WiringParts } from "./parts.ts";

/** A million open sessions take some seconds. */
const snapshotWithinMs = 30_000;

/** What was open is known; whoever opens the bridge calls endRecovery() once it has told of itself. */
export async function openSessions(
  { settings, live, clock, log, resources, dataDir }: WiringParts,
  origin: Origin,
  journal: FileJournal,
  announcer: Announcer,
  metrics: Metrics,
): Promise<Sessions> {
  // Until it is known what a snapshot covers, all of it may be needed.
  journal.covered(0);
  const { durableJournalseq: upTo } = journal.stats();
  const { sessions, through } = await recoverSessions({
    ...settings.sessions,
    maxAgeMs: settings.sessions.maxAgeMs || Number.POSITIVE_INFINITY,
    announcedTypes: (node) => live.now.nodes[node]?.closeUserConn ?? [],
    origin,
    clock,
    publish: (draft) => announcer.publish(draft),
    observer: sessionsObserver(metrics, log),
    dataDir,
    upTo,
    log,
  });
  live.onChange(() => sessions.roster.announceAnew());
  const snapshots = new Snapshots({
    sessions,
    instance: origin.instance,
    dataDir,
    through,
    files: nodeFiles,
    clock,
    log,
    given: () => journal.stats().lastJournalseq,
    durable: () => journal.stats().durableJournalseq,
    onCovered: (journalseq) => journal.covered(journalseq),
  });
  resources.onRelease("sessions", snapshotWithinMs, () => snapshots.close());
  return sessions;
}
