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
import { Announcements } from "./announcements.ts";
import { buriedOf, countedOf } from "./event.ts";
import type { ExpiredBefore, PartitionRange } from "./expiry.ts";
import { InstanceLedger, type LedgerRecord } from "./instance.ts";
import { LeftOutEvents } from "./left-out.ts";
import { isWhole, type LedgerReport } from "./report.ts";

export type { PartitionRange } from "./expiry.ts";
export type { LedgerRecord } from "./instance.ts";

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
  readonly #instances = new Map<string, InstanceLedger>();
  readonly #announcements = new Announcements();
  readonly #leftOut = new LeftOutEvents();
  #records = 0;
  #foreign = 0;
  #deadLetters = 0;

  constructor(options: LedgerOptions = {}) {
    this.#options = options;
    this.#topics = options.topics === undefined ? null : new Set(options.topics);
    this.#ranges = options.ranges ?? [];
  }

  add(record: LedgerRecord): void {
    this.#records++;
    if (record.topic === this.#options.deadLettersTopic) {
      this.#bury(record.value);
      return;
    }
    const event = countedOf(record.value);
    if (event === null) this.#foreign++;
    else this.#of(event.instance).add(event, record);
  }

  /** Where the partitions begin now: some may have expired since the ledger was opened. */
  moved(ranges: readonly PartitionRange[]): void {
    this.#ranges = ranges;
  }

  report(): LedgerReport {
    const unplaced = this.#announcements.unplaced();
    const isJudged = (topic: string): boolean => this.#topics?.has(topic) ?? true;
    const instances = [...this.#instances.keys()].sort().map((name) => this.#of(name));
    const streams = instances.flatMap((instance) => instance.streams(this.#ranges, unplaced, isJudged));
    const sessions = instances
      .map((instance) => instance.sessions(this.#ranges))
      .filter((report) => report !== null);
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
    this.#of(buried.instance).gave(buried.epoch, buried.topic, buried.sequence);
  }

  #of(instance: string): InstanceLedger {
    const known = this.#instances.get(instance);
    if (known !== undefined) return known;
    const added = new InstanceLedger(instance, {
      announcements: this.#announcements,
      leftOut: this.#leftOut,
      expiredBefore: (topic) => this.#options.expiredBeforeMs?.(topic) ?? Number.POSITIVE_INFINITY,
    });
    this.#instances.set(instance, added);
    return added;
  }
}
