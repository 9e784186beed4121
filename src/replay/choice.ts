/** What of the journal is to be sent again. */
import { type Stream, streamNames } from "../events/streams.ts";
import { type TopicNames, topicNamed } from "../events/topic-names.ts";
import { typeOf } from "../forwarder/envelope.ts";
import type { Projection } from "../forwarder/form.ts";
import { type Cursor, highestIn } from "../journal/cursor.ts";
import type { JournalRecord } from "../journal/record.ts";

export interface Choice {
  /** Whose own topics; null: all. */
  readonly streams: ReadonlySet<Stream> | null;
  /** Made anew from the records of all streams. */
  readonly projections: readonly Projection[];
  /** null: every start's. */
  readonly epoch: string | null;
  /** Wall clock; null: from the oldest record kept. */
  readonly sinceMs: number | null;
}

/** What Kafka has confirmed of a journal, by its cursor. */
export interface Confirmed {
  /** No record above it has been confirmed. */
  readonly through: number;
  /** @param topic without its prefix; by default that of the event itself */
  readonly has: (record: JournalRecord, topic?: string) => boolean;
}

/** The streams that are named by their own name or by their topic's, which they may share; none when there is no such. */
export function streamsNamed(name: string, names: TopicNames): Stream[] {
  const own = streamNames.find((stream) => stream === name);
  return own === undefined ? streamNames.filter((stream) => topicNamed(names, stream) === name) : [own];
}

/** The topics that a record is to be sent to again, without their prefix. */
export function topicsFor(record: JournalRecord, choice: Choice, confirmed: Confirmed): string[] {
  const { stream, epoch, event } = record;
  if (choice.epoch !== null && choice.epoch !== epoch) return [];
  // A record whose time cannot be read is sent: one too many does no harm, one too few may.
  if (choice.sinceMs !== null && timeOf(event) < choice.sinceMs) return [];
  const own = choice.streams === null || choice.streams.has(stream) ? [stream] : [];
  const type = choice.projections.length === 0 ? "" : typeOf(event);
  const projected = choice.projections.filter(({ has }) => has(type)).map(({ topic }) => topic);
  return [...own, ...projected].filter((topic) => confirmed.has(record, topic));
}

/**
 * Beyond the cursor's number a partition may have got further; what it has not, the bridge still sends by itself.
 * Where the topic has another number of partitions by now, the bridge sends that part again too, which does no harm.
 */
export function confirmedBy(
  cursor: Cursor,
  names: TopicNames,
  partitionOf: (key: string, partitions: number) => number,
): Confirmed {
  return {
    through: highestIn(cursor),
    has({ journalseq, stream, key }, topic = stream) {
      if (journalseq <= cursor.journalseq) return true;
      const ahead = cursor.ahead[topicNamed(names, topic)];
      if (ahead === undefined) return false;
      return journalseq <= (ahead.through[partitionOf(key, ahead.partitions)] ?? 0);
    },
  };
}

/** NaN where there is none. Inside a JSON string every quote is escaped, so the first match is the attribute. */
function timeOf(event: string): number {
  return Date.parse(/"time":"([^"]*)"/.exec(event)?.[1] ?? "");
}
