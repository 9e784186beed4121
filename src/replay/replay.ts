/**
 * Sends a planned part of the journal again, the way the forwarder does: its loop over that part, with an end.
 *
 *   running ──all confirmed or buried──▶ looking whether the topics are still there ──▶ done
 *      │ aborted
 *      ▼
 *   ending ──what is held is confirmed, does not move, or 2 s──▶ done, the rest unconfirmed
 *
 * Guarantees are the loop's: in order for each key, every record until it is confirmed or in the dead letters. Where a
 * topic goes away meanwhile the loop counts on what that had confirmed; then only another replay brings that back.
 */
import type { Clock } from "../clock.ts";
import type { Stream } from "../events/streams.ts";
import type { TopicNames } from "../events/topic-names.ts";
import type { Broker } from "../forwarder/broker.ts";
import type { DeadLetter } from "../forwarder/dead-letters.ts";
import type { Projection } from "../forwarder/form.ts";
import type { Limits } from "../forwarder/limits.ts";
import type { Log } from "../forwarder/log.ts";
import { ForwarderLoop } from "../forwarder/loop.ts";
import type { Trouble } from "../forwarder/report.ts";
import type { JournalRecord } from "../journal/record.ts";
import type { Span } from "../ledger/span.ts";
import { CountingBroker, type TopicCount } from "./counting-broker.ts";
import { JournalPart, PartEnd, PartMarks } from "./journal-part.ts";
import type { Plan } from "./plan.ts";

export interface ReplayParts extends TopicNames {
  /** Of at least one record. */
  readonly plan: Plan & { readonly span: Span };
  /** The topics that a record was planned for, without their prefix. */
  readonly topicsFor: (record: JournalRecord) => readonly string[];
  /** Those that may be among them. */
  readonly projections: readonly Projection[];
  readonly dataDir: string;
  readonly instance: string;
  readonly deadLettersFile: string;
  readonly broker: Broker;
  readonly partitionOf: (key: string, partitions: number) => number;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** Aborted to end it early. */
  readonly signal: AbortSignal;
  readonly onTrouble: (trouble: Trouble) => void;
  readonly onDeadLetter: (letter: DeadLetter) => void;
  /** A topic is missing, as when it is deleted meanwhile; told at each attempt. */
  readonly onTopicMissing: () => void;
  /** Numbers that were there when it was planned and are gone now. */
  readonly onGone: (span: Span) => void;
  /** Called a few times a second: records confirmed or buried so far. */
  readonly onProgress: (records: number) => void;
}

export interface ReplayedTopic extends TopicCount {
  /** Records of it that are in the dead letters. */
  readonly deadLetters: number;
}

export interface Replayed {
  /** Something was neither confirmed nor buried, nor gone. */
  readonly interrupted: boolean;
  readonly topics: ReadonlyMap<string, ReplayedTopic>;
  /** As told by onGone. */
  readonly gone: readonly Span[];
}

const lastSendsMs = 2_000;
const lookEveryMs = 250;

export async function replay(parts: ReplayParts): Promise<Replayed> {
  const { plan, signal, clock } = parts;
  const broker = new CountingBroker(parts.broker);
  // By their numbers: of a topic that was made anew one record may be buried twice.
  const letters = new Map(plan.topics.map(({ topic }) => [topic, new Set<number>()]));
  const gone: Span[] = [];
  const end = new PartEnd(plan.span.last);
  const source = new JournalPart(
    parts.dataDir,
    (record) => parts.topicsFor(record).length > 0,
    plan.damaged,
    (span) => {
      gone.push(span);
      parts.onGone(span);
    },
  );
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const { promise: aborted, resolve: abort } = Promise.withResolvers<void>();
  const topicOf = ({ topic, records }: Plan["topics"][number]): ReplayedTopic => {
    const { confirmed, ...count } = broker.countOf(topic);
    // A send may just begin while its topic is found to have been made anew, and be repeated.
    return { ...count, confirmed: Math.min(confirmed, records), deadLetters: letters.get(topic)!.size };
  };
  const look = (): void => {
    const topics = plan.topics.map(topicOf);
    parts.onProgress(topics.reduce((sum, { confirmed, deadLetters }) => sum + confirmed + deadLetters, 0));
    if (loop.state().acknowledgedJournalseq >= plan.span.last) resolve();
    cancel();
    cancel = clock.after(lookEveryMs, look);
  };
  let cancel = (): void => {};
  const planned = plan.topics.filter(({ records }) => records > 0);
  const loop: ForwarderLoop = new ForwarderLoop({
    ...parts,
    source,
    durable: end,
    marks: new PartMarks(plan.span.first - 1),
    broker,
    streams: planned.filter(({ isProjection }) => !isProjection).map(({ name }) => name as Stream),
    projections: parts.projections.filter(({ topic }) => planned.some(({ name }) => name === topic)),
    goesTo: (record, topic) => parts.topicsFor(record).includes(topic),
    // Only the progress of a running bridge is told of an epoch.
    epoch: "",
    listener: {
      acked: look,
      state: () => {},
      progress: () => {},
      trouble: parts.onTrouble,
      deadLetter: (letter) => {
        letters.get(letter.topic)?.add(letter.journalseq);
        parts.onDeadLetter(letter);
      },
    },
  });
  const onAbort = (): void => abort();
  signal.addEventListener("abort", onAbort, { once: true });
  await loop.start();
  look();
  if (signal.aborted) abort();
  await Promise.race([ended, aborted]);
  cancel();
  const confirming = plan.topics
    .map(({ topic }) => topic)
    .filter((topic) => broker.countOf(topic).confirmed > 0);
  if (!signal.aborted) await Promise.race([broker.lookAgain(confirming), aborted]);
  signal.removeEventListener("abort", onAbort);
  end.cut();
  await loop.stop(lastSendsMs);
  const interrupted = loop.state().acknowledgedJournalseq < plan.span.last;
  return { interrupted, gone, topics: new Map(plan.topics.map((topic) => [topic.topic, topicOf(topic)])) };
}
