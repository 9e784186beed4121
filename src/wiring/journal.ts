/** The journal, opened for a bridge whose edge waits for it no longer than its deadline. */
import type { Settings } from "../config/settings.ts";
import type { Origin } from "../events/draft.ts";
import type { Stream } from "../events/streams.ts";
import { topicNamed } from "../events/topic-names.ts";
import { FileJournal } from "../journal/file-journal.ts";
import type { Kept, Loss } from "../journal/journal.ts";
import { releaseMs, type WiringParts } from "./parts.ts";

/** @param deadlineMs after which the edge gives up waiting for a record */
export async function openJournal(
  { settings, clock, log, resources, dataDir }: WiringParts,
  origin: Origin,
  deadlineMs: number,
  announce: (loss: Loss) => Promise<Kept>,
): ReturnType<typeof FileJournal.open> {
  const { sync, segmentBytes, maxBytes, keepMs } = settings.journal;
  const opened = await FileJournal.open({
    dir: dataDir,
    ...origin,
    sync,
    segmentBytes,
    maxBytes,
    keepMs,
    forwarding: settings.kafka.brokers.length > 0,
    // A little before the edge gives up: what may be lost is then named on disk before an answer leaves.
    slowMs: Math.ceil(deadlineMs * 0.9),
    topicOf: (stream) => topicOf(settings, stream),
    announce,
    clock,
    log,
  });
  resources.onRelease("journal", 2 * releaseMs, () => opened.journal.close(releaseMs));
  return opened;
}

export function topicOf({ kafka }: Settings, stream: Stream): string {
  return topicNamed(kafka, stream);
}
