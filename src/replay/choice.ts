/** What of the journal is to be sent again. */
import { type Stream, streamNames } from "../events/streams.ts";
import { type Cursor, highestIn } from "../journal/cursor.ts";
import type { JournalRecord } from "../journal/record.ts";

export interface Choice {
  /** null: all. */
  readonly streams: ReadonlySet<Stream> | null;
  /** null: every start's. */
  readonly epoch: string | null;
  /** Wall clock; null: from the oldest record kept. */
  readonly sinceMs: number | null;
}

/** What Kafka has confirmed of a journal, by its cursor. */
export interface Confirmed {
  /** No record above it has been confirmed. */
  readonly through: number;
  readonly has: (record: JournalRecord) => boolean;
}

/** The stream of a topic, named with or without its prefix; null when there is no such topic. */
export function streamNamed(name: string, topicPrefix: string): Stream | null {
  const bare = name.startsWith(topicPrefix) ? name.slice(topicPrefix.length) : name;
  return streamNames.find((stream) => stream === bare || stream === name) ?? null;
}

export function isChosen({ stream, epoch, event }: JournalRecord, choice: Choice): boolean {
  if (choice.streams !== null && !choice.streams.has(stream)) return false;
  if (choice.epoch !== null && choice.epoch !== epoch) return false;
  // A record whose time cannot be read is sent: one too many does no harm, one too few may.
  return choice.sinceMs === null || !(timeOf(event) < choice.sinceMs);
}

/**
 * Beyond the cursor's number a partition may have got further; what it has not, the bridge still sends by itself.
 * Where the topic has another number of partitions by now, the bridge sends that part again too, which does no harm.
 */
export function confirmedBy(
  cursor: Cursor,
  topicPrefix: string,
  partitionOf: (key: string, partitions: number) => number,
): Confirmed {
  return {
    through: highestIn(cursor),
    has({ journalseq, stream, key }) {
      if (journalseq <= cursor.journalseq) return true;
      const ahead = cursor.ahead[topicPrefix + stream];
      if (ahead === undefined) return false;
      return journalseq <= (ahead.through[partitionOf(key, ahead.partitions)] ?? 0);
    },
  };
}

/** NaN where there is none. Inside a JSON string every quote is escaped, so the first match is the attribute. */
function timeOf(event: string): number {
  return Date.parse(/"time":"([^"]*)"/.exec(event)?.[1] ?? "");
}
