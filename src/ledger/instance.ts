/**
 * All records of one instance, on whichever topics and of whichever epochs: each counted in the stream of its epoch and
 * topic, what the bridge says of itself heard, user sessions followed; and the judgement on what is not there.
 *
 * Memory: as the streams and sessions take, and a number for each partition with records of this instance.
 */
import type { Absence } from "./absences.ts";
import type { Announcements, Gap, Unplaced } from "./announcements.ts";
import { Words } from "./due.ts";
import { bareType, type Counted, dataOf } from "./event.ts";
import {
  type ExpiredBefore,
  expiredUpTo,
  type PartitionRange,
  partitionName,
  silentBelow,
} from "./expiry.ts";
import type { LeftOutEvents } from "./left-out.ts";
import type { SessionsReport, StreamReport } from "./report.ts";
import { SessionLedger } from "./sessions.ts";
import { StreamLedger } from "./stream.ts";

/** What is told of all instances together. */
export interface Shared {
  readonly announcements: Announcements;
  readonly leftOut: LeftOutEvents;
  readonly expiredBefore: ExpiredBefore;
}

export interface LedgerRecord {
  readonly topic: string;
  readonly partition: number;
  readonly value: string;
}

export class InstanceLedger {
  readonly #instance: string;
  readonly #shared: Shared;
  /** By epoch and topic. */
  readonly #streams = new Map<string, StreamLedger>();
  readonly #words = new Words();
  /** null as long as there are none. */
  #sessions: SessionLedger | null = null;
  /** By partition the journalseq of the first record. */
  readonly #firstRecords = new Map<string, number>();
  /** Where it tells of itself; null as long as it has not. */
  #bridgeTopic: string | null = null;

  constructor(instance: string, shared: Shared) {
    this.#instance = instance;
    this.#shared = shared;
  }

  /** @param event what the record's value is */
  add(event: Counted, { topic, partition, value }: LedgerRecord): void {
    const inPartition = partitionName(topic, partition);
    if (!this.#firstRecords.has(inPartition)) this.#firstRecords.set(inPartition, event.journalseq);
    const seen = this.#streamOf(event.epoch, topic).add(event, partition);
    this.#words.saw(event);
    const type = bareType(event);
    if (type.startsWith("bridge.")) this.#listen(event, type, topic, value);
    else if (seen !== "same") {
      if (isOpType(type)) this.#words.sawOp(event);
      if (type.startsWith("session.")) {
        this.#sessions ??= new SessionLedger();
        this.#sessions.add(event, topic, value);
      }
    }
  }

  /** Something beside its records shows that a number was given. */
  gave(epoch: string, topic: string, number: number): void {
    this.#words.gave(epoch, topic, number);
  }

  /** By epoch and topic; epochs in the order in which they were. */
  streams(
    ranges: readonly PartitionRange[],
    unplaced: Unplaced,
    isJudged: (topic: string) => boolean,
  ): StreamReport[] {
    for (const { epoch, topic } of this.#words.named()) if (isJudged(topic)) this.#streamOf(epoch, topic);
    return this.#inOrder().map((stream) => {
      const { epoch, topic, numbers, partitions: firsts, firstYoung } = stream;
      const order = this.#words.orderOf(epoch);
      const remains = { topic, firsts, firstYoung, order, startedMs: this.#words.startOf(epoch) };
      const { announcements, expiredBefore } = this.#shared;
      return stream.report({
        ...this.#words.of(epoch, topic, numbers.highest?.number ?? 0),
        expiredUpTo: expiredUpTo(remains, ranges, this.#firstRecords, expiredBefore(topic)),
        placed: announcements.placed(this.#instance, epoch, topic),
        unplaced,
        silentBelow: this.#silentBelow(epoch, ranges),
        within: [order - 1, this.#words.endOf(epoch)],
      });
    });
  }

  /** null: it has had none. */
  sessions(ranges: readonly PartitionRange[]): SessionsReport | null {
    if (this.#sessions === null) return null;
    return this.#sessions.report(this.#instance, {
      absences: (topic) => this.#absences(topic),
      mayBeGone: (topic, ms) =>
        ms < this.#words.outsetMs ||
        (ranges.some((range) => range.topic === topic && range.low > 0n) &&
          !(ms >= this.#shared.expiredBefore(topic))),
      isFollowed: (event) => this.#words.hasNext(event),
    });
  }

  /** Of one topic, over all epochs. */
  #absences(topic: string): Absence[] {
    const { announcements } = this.#shared;
    const own = [...this.#streams.values()].filter((stream) => stream.topic === topic);
    const ofStreams = own.flatMap((stream) => {
      const { epoch, numbers } = stream;
      const { given } = this.#words.of(epoch, topic, numbers.highest?.number ?? 0);
      const within = [this.#words.orderOf(epoch) - 1, this.#words.endOf(epoch)] as const;
      return [...stream.absences(given, announcements.placed(this.#instance, epoch, topic), within)];
    });
    return [...ofStreams, ...announcements.absences(this.#instance, topic)];
  }

  /** What the bridge says of itself. */
  #listen(event: Counted, type: string, topic: string, value: string): void {
    const { announcements, leftOut } = this.#shared;
    this.#bridgeTopic = topic;
    if (type === "bridge.started") this.#words.started(event, value);
    if (type === "bridge.stopped") this.#words.stopped(event, value);
    if (type === "bridge.progress") this.#words.progressed(event, value);
    if (type === "bridge.gap") this.#lost(announcements.add(event, value));
    else leftOut.add(event, dataOf(value));
  }

  /** What was lost had been given. */
  #lost(gap: Gap | null): void {
    if (gap === null || gap.epoch === "") return;
    for (const [topic, { first, last }] of Object.entries(gap.topics)) {
      this.#words.gave(gap.epoch, topic, last ?? first - 1);
    }
  }

  /** For losses of one epoch. */
  #silentBelow(epoch: string, ranges: readonly PartitionRange[]): number {
    const topic = this.#bridgeTopic;
    if (topic === null) return 0;
    // What an epoch loses is announced in it or later: where its first word is left, no announcement has gone.
    const own = this.#streams.get(streamName(epoch, topic));
    if (own?.numbers.lowest?.number === 1) return 0;
    return silentBelow(topic, ranges, this.#firstRecords, this.#shared.expiredBefore(topic));
  }

  #streamOf(epoch: string, topic: string): StreamLedger {
    const name = streamName(epoch, topic);
    const known = this.#streams.get(name);
    if (known !== undefined) return known;
    const added = new StreamLedger(this.#instance, epoch, topic, this.#shared.expiredBefore(topic));
    this.#streams.set(name, added);
    return added;
  }

  #inOrder(): StreamLedger[] {
    const orders = new Map<StreamLedger, number>();
    for (const stream of this.#streams.values()) orders.set(stream, this.#words.orderOf(stream.epoch));
    return [...orders]
      .sort(
        ([a, at], [b, bt]) =>
          (at === bt ? 0 : at - bt) || byText(a.epoch, b.epoch) || byText(a.topic, b.topic),
      )
      .map(([stream]) => stream);
  }
}

/** Whether the wire caused it: everything else the bridge says by itself, some of it at its start. */
function isOpType(type: string): boolean {
  return !type.startsWith("policy.") && type !== "session.ended" && type !== "login.confirmed";
}

function streamName(epoch: string, topic: string): string {
  return `${topic}\n${epoch}`;
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
