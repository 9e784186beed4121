/**
 * Sends a planned part of the journal again, the way the forwarder does: its loop over that part, with an end.
 *
 *   running ──all confirmed or buried──▶ done
 *      │ aborted
 *      ▼
 *   ending ──what is held is confirmed, does not move, or 2 s──▶ done, the rest unconfirmed
 *
 * Guarantees are the loop's: in order for each key, every record until it is confirmed or in the dead letters.
 */
import type { Clock } from "../clock.ts";
import type { Broker } from "../forwarder/broker.ts";
import type { DeadLetter } from "../forwarder/dead-letters.ts";
import type { Limits } from "../forwarder/limits.ts";
import type { Log } from "../forwarder/log.ts";
import { ForwarderLoop } from "../forwarder/loop.ts";
import type { Trouble } from "../forwarder/report.ts";
import type { JournalRecord } from "../journal/record.ts";
import { CountingBroker, type TopicCount } from "./counting-broker.ts";
import { JournalPart, PartEnd, PartMarks } from "./journal-part.ts";
import type { Plan, Span } from "./plan.ts";

export interface ReplayParts {
  /** Of at least one record. */
  readonly plan: Plan & { readonly span: Span };
  /** The records that were planned. */
  readonly wanted: (record: JournalRecord) => boolean;
  readonly dataDir: string;
  readonly instance: string;
  readonly topicPrefix: string;
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

export interface Replayed {
  readonly interrupted: boolean;
  readonly topics: ReadonlyMap<string, TopicCount & { readonly deadLetters: number }>;
}

const lastSendsMs = 2_000;
const lookEveryMs = 250;

export async function replay(parts: ReplayParts): Promise<Replayed> {
  const { plan, signal, clock } = parts;
  const broker = new CountingBroker(parts.broker);
  const letters = new Map<string, number>();
  const end = new PartEnd(plan.span.last);
  const source = new JournalPart(parts.dataDir, parts.wanted, plan.damaged, parts.onGone);
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const look = (): void => {
    const { sentRecords, deadLetters, acknowledgedJournalseq } = loop.state();
    parts.onProgress(sentRecords + deadLetters);
    if (acknowledgedJournalseq >= plan.span.last) resolve();
    cancel();
    cancel = clock.after(lookEveryMs, look);
  };
  let cancel = (): void => {};
  const loop: ForwarderLoop = new ForwarderLoop({
    ...parts,
    source,
    durable: end,
    marks: new PartMarks(plan.span.first - 1),
    broker,
    streams: plan.topics.filter(({ records }) => records > 0).map(({ stream }) => stream),
    // Only the progress of a running bridge is told of an epoch.
    epoch: "",
    listener: {
      acked: look,
      state: () => {},
      progress: () => {},
      trouble: parts.onTrouble,
      deadLetter: (letter) => {
        letters.set(letter.topic, (letters.get(letter.topic) ?? 0) + 1);
        parts.onDeadLetter(letter);
      },
    },
  });
  const abort = (): void => resolve();
  signal.addEventListener("abort", abort, { once: true });
  await loop.start();
  look();
  if (signal.aborted) abort();
  await ended;
  cancel();
  signal.removeEventListener("abort", abort);
  end.cut();
  await loop.stop(lastSendsMs);
  const interrupted = loop.state().acknowledgedJournalseq < plan.span.last;
  const topics = plan.topics.map(
    ({ topic }) => [topic, { ...broker.countOf(topic), deadLetters: letters.get(topic) ?? 0 }] as const,
  );
  return { interrupted, topics: new Map(topics) };
}
