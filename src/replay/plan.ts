/**
 * A look over the journal before anything is sent: what of it was asked for, and what it has let go.
 * Takes no lock and writes nothing; the bridge may be writing and deleting segments meanwhile.
 */
import type { Stream } from "../events/streams.ts";
import { type TopicNames, topicNamed } from "../events/topic-names.ts";
import { absentAs, type Files, nodeFiles } from "../journal/files.ts";
import { openReader } from "../journal/reader.ts";
import type { JournalRecord } from "../journal/record.ts";
import { journalFolder, listSegments, readHeader, type SegmentHeader } from "../journal/segment.ts";
import type { Damage } from "../journal/survey.ts";
import type { Span } from "../ledger/span.ts";
import { type Choice, type Confirmed, topicsFor } from "./choice.ts";

/** What of one topic and one start is sent again. */
export interface PlannedEpoch {
  readonly epoch: string;
  readonly records: number;
  /** Of the events themselves, as they are published. */
  readonly bytes: number;
  /** Lowest and highest sequence, of a projection journalseq; null when there is no record. */
  readonly numbers: Span | null;
  /** Sequences that the journal has let go. */
  readonly notKept: Span | null;
}

export interface PlannedTopic {
  /** Without its prefix; of a topic that streams share that of one of them. */
  readonly name: string;
  readonly isProjection: boolean;
  readonly topic: string;
  readonly records: number;
  readonly bytes: number;
  readonly epochs: readonly PlannedEpoch[];
}

export interface Plan {
  /** The journalseq of the first and the last record to send; null when there is none. */
  readonly span: Span | null;
  readonly records: number;
  readonly bytes: number;
  readonly topics: readonly PlannedTopic[];
  /** The journalseq of the oldest record that is kept, of whatever topic; null when none is. */
  readonly keptFrom: number | null;
  /** Numbers of the journal that stand in it and cannot be read any more. */
  readonly damaged: readonly Span[];
}

export interface PlanParts extends TopicNames {
  readonly dataDir: string;
  readonly choice: Choice;
  readonly confirmed: Confirmed;
  readonly signal: AbortSignal;
}

const mostBytesAtOnce = 1024 * 1024;

/** Rejects with the signal's reason when it is aborted, and with journal_damaged at a segment of an unknown format. */
export async function planOf(parts: PlanParts): Promise<Plan> {
  const { dataDir, choice, confirmed, signal } = parts;
  const counts = new Counts(parts);
  const header = await oldestHeader(dataDir, nodeFiles);
  if (header !== null) counts.letGo(header, choice);
  const damaged: Span[] = [];
  let keptFrom: number | null = null;
  let last = 0;
  const reader = await openReader({ dir: dataDir, from: "oldest" });
  try {
    for (;;) {
      const items = await reader.next(mostBytesAtOnce, confirmed.through);
      if (items.length === 0) break;
      for (const item of items) {
        if ("damaged" in item) {
          damaged.push(spanOf(item.damaged));
          continue;
        }
        keptFrom ??= item.record.journalseq;
        last = item.record.journalseq;
        for (const name of topicsFor(item.record, choice, confirmed)) counts.add(item.record, name);
      }
      signal.throwIfAborted();
    }
    // Only what lies behind says whether numbers are missing at the end; of a damaged end nothing does.
    const [beyond] = await reader.next(1, Number.POSITIVE_INFINITY);
    if (beyond === undefined && last > 0 && last < confirmed.through) {
      damaged.push({ first: last + 1, last: confirmed.through });
    } else if (beyond !== undefined && "damaged" in beyond) {
      const { first, last: end } = spanOf(beyond.damaged);
      if (first <= confirmed.through) damaged.push({ first, last: Math.min(end, confirmed.through) });
    }
  } finally {
    await reader.close();
  }
  return { ...counts.sum(), keptFrom, damaged };
}

function spanOf({ loss: { journalseq } }: Damage): Span {
  return { first: journalseq.first, last: journalseq.last ?? journalseq.first };
}

async function oldestHeader(dataDir: string, files: Files): Promise<SegmentHeader | null> {
  const { segments } = await listSegments(files, journalFolder(dataDir));
  const file = segments[0] && (await absentAs(null, files.open(segments[0].path, "r")));
  return file ? readHeader(file, segments[0]!.path).finally(() => file.close()) : null;
}

class Counts {
  readonly #names: TopicNames;
  /** By topic, which streams may share. */
  readonly #topics = new Map<
    string,
    { readonly name: string; readonly isProjection: boolean; readonly epochs: Map<string, PlannedEpoch> }
  >();
  #span: Span | null = null;

  constructor(names: TopicNames) {
    this.#names = names;
  }

  /** The oldest segment says which numbers of its epoch stood before it. */
  letGo({ epoch, topics, sequences }: SegmentHeader, { streams, epoch: asked }: Choice): void {
    if (asked !== null && asked !== epoch) return;
    for (const [stream, topic] of Object.entries(topics) as [Stream, string][]) {
      const last = sequences[topic] ?? 0;
      if (last === 0 || (streams !== null && !streams.has(stream))) continue;
      const notKept = { first: 1, last };
      this.#put(stream, false, { epoch, records: 0, bytes: 0, numbers: null, notKept });
    }
  }

  add({ journalseq, sequence, epoch, stream, event }: JournalRecord, name: string): void {
    const before = this.#topics.get(topicNamed(this.#names, name))?.epochs.get(epoch);
    const isProjection = name !== stream;
    this.#span = widened(this.#span, journalseq);
    this.#put(name, isProjection, {
      epoch,
      records: (before?.records ?? 0) + 1,
      bytes: (before?.bytes ?? 0) + Buffer.byteLength(event),
      numbers: widened(before?.numbers ?? null, isProjection ? journalseq : sequence),
      notKept: before?.notKept ?? null,
    });
  }

  sum(): Pick<Plan, "span" | "records" | "bytes" | "topics"> {
    const topics = [...this.#topics].map(([topic, { name, isProjection, epochs }]) => {
      const all = [...epochs.values()];
      return { name, isProjection, topic, ...totals(all), epochs: all };
    });
    return { span: this.#span, ...totals(topics), topics };
  }

  #put(name: string, isProjection: boolean, counted: PlannedEpoch): void {
    const named = topicNamed(this.#names, name);
    const topic = this.#topics.get(named) ?? { name, isProjection, epochs: new Map() };
    this.#topics.set(named, topic);
    topic.epochs.set(counted.epoch, counted);
  }
}

function totals(parts: readonly { readonly records: number; readonly bytes: number }[]): {
  records: number;
  bytes: number;
} {
  const total = { records: 0, bytes: 0 };
  for (const { records, bytes } of parts) {
    total.records += records;
    total.bytes += bytes;
  }
  return total;
}

function widened(span: Span | null, number: number): Span {
  if (span === null) return { first: number, last: number };
  return { first: Math.min(span.first, number), last: Math.max(span.last, number) };
}
