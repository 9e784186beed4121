/** The forwarder, when there is a Kafka to forward to. */
import type { Metrics } from "../admin/metrics.ts";
import type { Announcer } from "../announcer.ts";
import type { Origin } from "../events/draft.ts";
import { streamNames } from "../events/streams.ts";
import { topicsNamed } from "../events/topic-names.ts";
import { type Forwarder, startForwarder } from "../forwarder/handle.ts";
import type { Journal, Loss } from "../journal/journal.ts";
import { kafkaSettingsOf } from "../kafka/settings.ts";
import { releaseMs, type WiringParts } from "./parts.ts";

/** How long the last events may take to reach Kafka at the end; what doesn't waits in the journal. */
const flushMs = 2_000;

export function openForwarder(
  { settings, clock, log, resources, dataDir }: WiringParts,
  origin: Origin,
  journal: Journal,
  announcer: Announcer,
  metrics: Metrics,
  onLoss: (loss: Loss) => void,
): Forwarder | null {
  if (settings.kafka.brokers.length === 0) return null;
  const { topicPrefix, topics } = settings.kafka;
  const { projections } = settings.events;
  metrics.forwardsTo(topicsNamed(settings.kafka, streamNames));
  const forwarder = startForwarder({
    dataDir,
    ...origin,
    durable: journal.durable,
    kafka: kafkaSettingsOf(settings.kafka),
    topicPrefix,
    topics,
    projections,
    clock,
    log,
    onAcked: (journalseq) => journal.acknowledged(journalseq),
    onProgress: (progress) => announcer.progress(progress),
    onDamaged: onLoss,
    onTrouble: ({ what, code }) => code !== null && metrics.forwarderTrouble(what, code),
    onDeadLetter: ({ topic }) => metrics.deadLetter(topic),
  });
  resources.onRelease("forwarder", flushMs + releaseMs, () => forwarder.stop(flushMs));
  return forwarder;
}
