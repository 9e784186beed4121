/**
 * The ledger: every record of Sluice's topics counted once, and a judgement on what is not there.
 *
 *   add(record) ──▶ foreign │ dead letter │ event: its number, and if the bridge speaks, what it says
 *   report()    ──▶ per instance, epoch and topic:
 *
 *     number  1 … … … … … … … … … due … … … given
 *     seen        fine, once or often; under another id: reused, which is never right
 *     not seen    announced: a gap or a dead letter names it       wherever it lies
 *                 pending: above what is due                       Kafka has not confirmed it
 *                 expired: the broker may have removed it, or      says expiry.ts
 *                          what announced it
 *                 unannounced: none of these                       a loss that nobody was told of
 *
 *                and per instance its user sessions: says sessions.ts
 *
 * Records of one partition must come in its order; partitions may interleave in any way. What the bridge says must
 * not be newer than the records that are given: take the end of its topic before those of the others.
 *
 * Guarantees: it throws at no record; a number and its id take 4 bytes, whatever number it is, and a user session 18
 * more at most; nothing that a report
 * calls unannounced was announced, is on its way, or can have expired, but for the cases that expiry.ts names.
 *
 * What it cannot tell: a loss at the very end of an epoch, as long as no `bridge.progress` or later `bridge.started`
 * covers it; a stream that no record and no event of the bridge names; numbers that went to topics of another prefix;
 * and, of an epoch that ran without Kafka, numbers that the journal had dropped before a Kafka was there: missing.
 */
import type { Absence } from "./absences.ts";
import { Announcements, type Gap } from "./announcements.ts";
import { Words } from "./due.ts";
import { bareType, buriedOf, type Counted, countedOf, dataOf } from "./event.ts";
import {
  type ExpiredBefore,
  expiredUpTo,
  type PartitionRange,
  partitionName,
  silentBelow,
} from "./expiry.ts";
import { LeftOutEvents } from "./left-out.ts";
import { isWhole, type LedgerReport, type SessionsReport, type StreamReport } from "./report.ts";
import { SessionLedger } from "./sessions.ts";
import { StreamLedger } from "./stream.ts";

export type { PartitionRange } from "./expiry.ts";

export interface LedgerRecord {
  readonly topic: string;
  readonly partition: number;
  readonly value: string;
}

export interface LedgerOptions {
  /** Where the partitions begin; without them nothing can have expired. */
  readonly ranges?: readonly PartitionRange[];
  /** By the wall clock; Infinity when not known, so that anything may have expired, -Infinity when nothing does. */
  readonly expiredBeforeMs?: ExpiredBefore;
  readonly deadLettersTopic?: string;
  /** What the bridge says of other topics is passed over; all are judged when these are not given. */
  readonly topics?: readonly string[];
}

export class Ledger {
  readonly #options: LedgerOptions;
  readonly #topics: ReadonlySet<string> | null;
  #ranges: readonly PartitionRange[];
  readonly #streams = new Map<string, StreamLedger>();
  readonly #words = new Map<string, Words>();
  readonly #announcements = new Announcements();
  readonly #leftOut = new LeftOutEvents();
  /** By instance. */
  readonly #sessions = new Map<string, SessionLedger>();
  /** By partition and instance the journalseq of the first record. */
  readonly #firstRecords = new Map<string, Map<string, number>>();
  /** By instance where it tells of itself. */
  readonly #bridgeTopics = new Map<string, string>();
  #records = 0;
  #foreign = 0;
  #deadLetters = 0;

  constructor(options: LedgerOptions = {}) {
    this.#options = options;
    this.#topics = options.topics === undefined ? null : new Set(options.topics);
    this.#ranges = options.ranges ?? [];
  }

  add({ topic, partition, value }: LedgerRecord): void {
    this.#records++;
    if (topic === this.#options.deadLettersTopic) {
      this.#bury(value);
      return;
    }
    const event = countedOf(value);
    if (event === null) {
      this.#foreign++;
      return;
    }
    this.#noteFirst(topic, partition, event);
    const seen = this.#streamOf(event.instance, event.epoch, topic).add(event, partition);
    const words = this.#wordsOf(event.instance);
    words.saw(event);
    const type = bareType(event);
    if (type.startsWith("bridge.")) this.#listen(event, type, topic, value);
    else if (seen !== "same") {
      if (isOpType(type)) words.sawOp(event);
      if (type.startsWith("session.")) this.#sessionsOf(event.instance).add(event, topic, value);
    }
  }

  /** Where the partitions begin now: some may have expired since the ledger was opened. */
  moved(ranges: readonly PartitionRange[]): void {
    this.#ranges = ranges;
  }

  report(): LedgerReport {
    const unplaced = this.#announcements.unplaced();
    for (const [instance, words] of this.#words) {
      for (const { epoch, topic } of words.named()) {
        if (this.#topics?.has(topic) ?? true) this.#streamOf(instance, epoch, topic);
      }
    }
    const streams: StreamReport[] = this.#inOrder().map((stream) => {
      const { instance, epoch, topic, numbers, partitions: firsts, firstYoung } = stream;
      const words = this.#wordsOf(instance);
      const order = words.orderOf(epoch);
      const remains = { topic, firsts, firstYoung, order, startedMs: words.startOf(epoch) };
      return stream.report({
        ...words.of(epoch, topic, numbers.highest?.number ?? 0),
        expiredUpTo: expiredUpTo(
          remains,
          instance,
          this.#ranges,
          this.#firstRecords,
          this.#expiredBefore(topic),
        ),
        placed: this.#announcements.placed(instance, epoch, topic),
        unplaced,
        silentBelow: this.#silentBelow(instance, epoch),
        within: [order - 1, words.endOf(epoch)],
      });
    });
    const sessions = [...this.#sessions.keys()]
      .sort(byText)
      .map((instance) => this.#sessionsReport(instance));
    return {
      ok: isWhole({ streams, sessions }),
      records: this.#records,
      foreign: this.#foreign,
      deadLetters: this.#deadLetters,
      streams,
      gaps: this.#announcements.gaps,
      leftOut: this.#leftOut.report(),
      sessions,
    };
  }

  #sessionsReport(instance: string): SessionsReport {
    const words = this.#wordsOf(instance);
    return this.#sessionsOf(instance).report(instance, {
      absences: (topic) => this.#absences(instance, topic),
      mayBeGone: (topic, ms) =>
        ms < words.outsetMs ||
        (this.#ranges.some((range) => range.topic === topic && range.low > 0n) &&
          !(ms >= this.#expiredBefore(topic))),
      isFollowed: (event) => words.hasNext(event),
    });
  }

  /** Of one topic, over all epochs. */
  #absences(instance: string, topic: string): Absence[] {
    const words = this.#wordsOf(instance);
    const own = [...this.#streams.values()].filter((one) => one.instance === instance && one.topic === topic);
    const ofStreams = own.flatMap((stream) => {
      const { epoch, numbers } = stream;
      const { given } = words.of(epoch, topic, numbers.highest?.number ?? 0);
      const within = [words.orderOf(epoch) - 1, words.endOf(epoch)] as const;
      return [...stream.absences(given, this.#announcements.placed(instance, epoch, topic), within)];
    });
    return [...ofStreams, ...this.#announcements.absences(instance, topic)];
  }

  #bury(value: string): void {
    const buried = buriedOf(value);
    if (buried === null) {
      this.#foreign++;
      return;
    }
    // The event itself is judged by its own topic.
    if (buried.isProjection) return;
    this.#deadLetters++;
    this.#announcements.bury(buried);
    this.#wordsOf(buried.instance).gave(buried.epoch, buried.topic, buried.sequence);
  }

  /** What the bridge says of itself. */
  #listen(event: Counted, type: string, topic: string, value: string): void {
    this.#bridgeTopics.set(event.instance, topic);
    const words = this.#wordsOf(event.instance);
    if (type === "bridge.started") words.started(event, value);
    if (type === "bridge.stopped") words.stopped(event, value);
    if (type === "bridge.progress") words.progressed(event, value);
    if (type === "bridge.gap") this.#lost(this.#announcements.add(event, value), words);
    else this.#leftOut.add(event, dataOf(value));
  }

  /** What was lost had been given. */
  #lost(gap: Gap | null, words: Words): void {
    if (gap === null || gap.epoch === "") return;
    for (const [topic, { first, last }] of Object.entries(gap.topics)) {
      words.gave(gap.epoch, topic, last ?? first - 1);
    }
  }

  #noteFirst(topic: string, partition: number, { instance, journalseq }: Counted): void {
    const name = partitionName(topic, partition);
    const firsts = this.#firstRecords.get(name) ?? new Map<string, number>();
    if (firsts.has(instance)) return;
    firsts.set(instance, journalseq);
    this.#firstRecords.set(name, firsts);
  }

  /** For losses of one epoch. */
  #silentBelow(instance: string, epoch: string): number {
    const topic = this.#bridgeTopics.get(instance);
    if (topic === undefined) return 0;
    // What an epoch loses is announced in it or later: where its first word is left, no announcement has gone.
    const own = this.#streams.get(streamName(instance, epoch, topic));
    if (own?.numbers.lowest?.number === 1) return 0;
    return silentBelow(topic, instance, this.#ranges, this.#firstRecords, this.#expiredBefore(topic));
  }

  #expiredBefore(topic: string): number {
    return this.#options.expiredBeforeMs?.(topic) ?? Number.POSITIVE_INFINITY;
  }

  #streamOf(instance: string, epoch: string, topic: string): StreamLedger {
    const name = streamName(instance, epoch, topic);
    const known = this.#streams.get(name);
    if (known !== undefined) return known;
    const added = new StreamLedger(instance, epoch, topic, this.#expiredBefore(topic));
    this.#streams.set(name, added);
    return added;
  }

  #sessionsOf(instance: string): SessionLedger {
    const known = this.#sessions.get(instance);
    if (known !== undefined) return known;
    const added = new SessionLedger();
    this.#sessions.set(instance, added);
    return added;
  }

  #wordsOf(instance: string): Words {
    const known = this.#words.get(instance);
    if (known !== undefined) return known;
    const added = new Words();
    this.#words.set(instance, added);
    return added;
  }

  #inOrder(): StreamLedger[] {
    const orders = new Map<StreamLedger, number>();
    for (const stream of this.#streams.values()) {
      orders.set(stream, this.#wordsOf(stream.instance).orderOf(stream.epoch));
    }
    return [...orders]
      .sort(
        ([a, at], [b, bt]) =>
          byText(a.instance, b.instance) ||
          (at === bt ? 0 : at - bt) ||
          byText(a.epoch, b.epoch) ||
          byText(a.topic, b.topic),
      )
      .map(([stream]) => stream);
  }
}

/** Whether the wire caused it: everything else the bridge says by itself, some of it at its start. */
function isOpType(type: string): boolean {
  return !type.startsWith("policy.") && type !== "session.ended" && type !== "login.confirmed";
}

function streamName(instance: string, epoch: string, topic: string): string {
  return `${topic}\n${epoch}\n${instance}`;
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
