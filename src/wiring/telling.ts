/** What a bridge tells of itself: its journal, the events about losses and policy that go into it, and the counts of both. */
import { type MetricSources, Metrics } from "../admin/metrics.ts";
import { Announcer } from "../announcer.ts";
import type { Origin } from "../events/draft.ts";
import { type Volume, volumeOf } from "../events/volume.ts";
import type { FileJournal } from "../journal/file-journal.ts";
import type { Kept, Loss, PreviousEpoch } from "../journal/journal.ts";
import type { PolicyNote } from "../policy/policy.ts";
import type { Pseudonyms } from "../pseudonyms/pseudonyms.ts";
import { openJournal, topicOf } from "./journal.ts";
import type { WiringParts } from "./parts.ts";
import type { OpenPolicy } from "./policy.ts";

export interface Telling {
  readonly journal: FileJournal;
  readonly previous: PreviousEpoch | null;
  readonly announcer: Announcer;
  readonly metrics: Metrics;
  /** Null where every event is published. */
  readonly volume: Volume | null;
  readonly tellLoss: (loss: Loss) => Promise<Kept>;
  readonly tellPolicy: (note: PolicyNote) => void;
}

/** What the metrics are made of and is opened later; they are not asked for before. */
interface LaterSources extends Pick<MetricSources, "sessions"> {
  readonly forwarder: NonNullable<MetricSources["forwarder"]>;
  readonly policy: () => OpenPolicy;
}

/**
 * @param deadlineMs after which the edge gives up waiting for a record
 * @param pseudonyms null where events bear true names
 */
export async function openTelling(
  parts: WiringParts,
  origin: Origin,
  deadlineMs: number,
  pseudonyms: Pseudonyms | null,
  { policy, forwarder, sessions }: LaterSources,
): Promise<Telling> {
  const { settings, live, clock, log } = parts;
  const tellLoss = async (loss: Loss): Promise<Kept> => {
    if (announcer.hasTold(loss)) return { ok: true };
    metrics.gap(loss.cause);
    log.error({ loss }, "events were lost; announced as bridge.gap");
    return announcer.gap(loss);
  };
  const { journal, previous } = await openJournal(parts, origin, deadlineMs, (loss) => tellLoss(loss));
  const volume = volumeOf(settings.events.publish);
  const topic = topicOf(settings, "bridge");
  const announcer = new Announcer(journal, origin, clock, topic, volume, pseudonyms);
  const kafka = settings.kafka.brokers.length > 0;
  const sources: MetricSources = {
    settings: () => live,
    journal: () => journal.stats(),
    policy() {
      const { replica, source } = policy();
      const { available, rules, keptRules, stale } = replica;
      return { available, rules, keptRules, stale, source: source.state() };
    },
    forwarder: kafka ? forwarder : null,
    sessions,
    leftOut: () => volume?.leftOut() ?? {},
  };
  const metrics = new Metrics(sources, clock);
  const tellPolicy = (note: PolicyNote): void => {
    if (note.kind === "changed") metrics.policyChanged(note.cause);
    if (note.kind === "rejected") metrics.policyRejected();
    void announcer.policy(note);
  };
  return { journal, previous, announcer, metrics, volume, tellLoss, tellPolicy };
}
