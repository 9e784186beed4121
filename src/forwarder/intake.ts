/**
 * Brings records from the journal to the lanes.
 *
 *   front      moves on through the journal once; gives each record to its lane, one in each of its topics, or
 *              passes it over where the lane is stuck, behind, or its topic unknown
 *   catching   reads again from where the first lane that works lies behind, up to the front; only lanes behind
 *   up         take from it, and a lane for which it has reached the front is live again
 *
 * Guarantee: a lane gets each of its records once and in order, except what it gave back.
 *
 * Reading waits while a healthy lane is full, while memory is full, and, when nothing that is live gets confirmed,
 * after `lookAheadBytes` passed over; then each failed attempt lets it look a chunk further, since somewhere behind
 * there may be a record whose partition works.
 */
import type { Clock } from "../clock.ts";
import type { JournalRecord } from "../journal/record.ts";
import { weightOf } from "./envelope.ts";
import type { Lane } from "./lane.ts";
import type { Limits } from "./limits.ts";
import type { Memory } from "./memory.ts";
import { Pace } from "./pace.ts";
import { type Position, positionOf } from "./position.ts";
import type { DurableMark, Reading, Source } from "./source.ts";
import type { Topic } from "./topic.ts";

export interface IntakeParts {
  readonly source: Source;
  readonly durable: DurableMark;
  readonly limits: Limits;
  readonly memory: Memory;
  readonly topicsOf: (record: JournalRecord) => readonly Topic[];
  readonly lanes: () => Iterable<Lane>;
  readonly clock: Clock;
  /** What it did not do when it was asked to step can be done now. */
  readonly again: () => void;
}

interface Place {
  readonly reading: Reading;
  /** The journalseq that it gives next. */
  at: number;
}

/** Beyond this many records it is cheaper to look for the place anew than to read up to it. */
const farRecords = 10_000;

export class Intake {
  readonly #parts: IntakeParts;
  readonly #pace: Pace;
  #front: number;
  #frontReading: Place | null = null;
  #catchUp: Place | null = null;
  #lookAheadBytes: number;

  constructor(front: number, parts: IntakeParts) {
    this.#front = front;
    this.#parts = parts;
    this.#pace = new Pace(parts.clock, parts.limits.lingerMs, parts.again);
    this.#lookAheadBytes = parts.limits.lookAheadBytes;
  }

  /** The journalseq up to which every record has been given to its lane or passed over. */
  get front(): number {
    return this.#front;
  }

  /** Something that came from the front was confirmed. */
  succeeded(): void {
    this.#lookAheadBytes = this.#parts.limits.lookAheadBytes;
  }

  failed(): void {
    this.#lookAheadBytes = Math.max(this.#lookAheadBytes, this.#parts.limits.chunkBytes);
  }

  /** Reads a chunk for those behind and one at the front. False: there is nothing to do until something changes. */
  async step(): Promise<boolean> {
    const behind = await this.#stepBehind();
    const ahead = await this.#stepFront();
    return behind || ahead;
  }

  /** From now on nothing waits for more. */
  hurry(): void {
    this.#pace.hurry();
  }

  /** Leaves the files; a further step opens them anew. */
  async close(): Promise<void> {
    const front = this.#frontReading;
    this.#frontReading = null;
    await this.#leave();
    await front?.reading.close();
  }

  async #stepFront(): Promise<boolean> {
    const { durable, memory, limits } = this.#parts;
    const through = durable.read();
    if (through <= this.#front || this.#lookAheadBytes <= 0 || memory.full) return false;
    for (const lane of this.#parts.lanes()) if (lane.behind === null && lane.full) return false;
    if (through - this.#front < limits.batchRecords && this.#pace.rests()) return false;
    this.#frontReading ??= this.#open(this.#front + 1);
    const records = await this.#next(this.#frontReading, through);
    if (records === null) {
      this.#frontReading = null;
      this.#pace.began();
      return false;
    }
    const touched = new Set<Lane>();
    for (const record of records) {
      for (const topic of this.#parts.topicsOf(record)) this.#give(record, topic, touched);
    }
    this.#front = this.#frontReading.at - 1;
    // What is there already goes on chunk by chunk.
    if (this.#front >= through) this.#pace.began();
    for (const lane of touched) lane.go();
    return true;
  }

  #give(record: JournalRecord, topic: Topic, touched: Set<Lane>): void {
    topic.newest = positionOf(record);
    const lane = topic.laneOf(record);
    if (lane !== null && lane.behind === null && !lane.stuck) {
      lane.accept(record);
      touched.add(lane);
      return;
    }
    if (lane === null) topic.passOver(record);
    else lane.behind ??= positionOf(record);
    this.#lookAheadBytes -= weightOf(record);
  }

  async #stepBehind(): Promise<boolean> {
    const from = this.#behindFrom();
    if (from === null) {
      await this.#leave();
      return false;
    }
    if (this.#parts.memory.full) return false;
    for (const lane of this.#parts.lanes()) if (lane.behind !== null && lane.full) return false;
    if (this.#catchUp !== null && (from < this.#catchUp.at || from > this.#catchUp.at + farRecords)) {
      await this.#leave();
    }
    this.#catchUp ??= this.#open(from);
    const start = this.#catchUp.at;
    const records = await this.#next(this.#catchUp, this.#front);
    if (records === null) {
      this.#catchUp = null;
      return false;
    }
    this.#feed(records, start, this.#catchUp.at);
    return true;
  }

  /** The lowest place from which a lane that can take something must read again. */
  #behindFrom(): number | null {
    let from: number | null = null;
    for (const { behind, takes } of this.#parts.lanes()) {
      if (behind !== null && takes && (from === null || behind.journalseq < from)) from = behind.journalseq;
    }
    return from;
  }

  #feed(records: readonly JournalRecord[], start: number, end: number): void {
    // Looked up only now: while the chunk was read a lane may have given back records that lie before it.
    const taking = new Map<Lane, Position>();
    for (const lane of this.#parts.lanes()) {
      if (lane.behind !== null && lane.behind.journalseq >= start && lane.takes)
        taking.set(lane, lane.behind);
    }
    const fed = [...taking.keys()];
    for (const record of records) {
      for (const topic of this.#parts.topicsOf(record)) {
        const lane = topic.laneOf(record);
        const from = lane === null ? undefined : taking.get(lane);
        if (lane === null || from === undefined || record.journalseq < from.journalseq) continue;
        if (lane.takes) lane.accept(record);
        else {
          lane.behind = positionOf(record);
          taking.delete(lane);
        }
      }
    }
    for (const [lane, from] of taking) {
      if (end > this.#front) lane.behind = null;
      else if (from.journalseq < end) lane.behind = { ...from, journalseq: end };
    }
    if (taking.size > 0 && end > this.#front) this.succeeded();
    for (const lane of fed) lane.go();
  }

  #open(at: number): Place {
    return { reading: this.#parts.source.open(at), at };
  }

  /**
   * The next chunk; null when there is nothing to be had now. Records that are missing are never skipped for that: the
   * reader gives what comes behind them as soon as there is any. A reading that ended may have missed that the journal
   * goes on elsewhere, so the next attempt takes a fresh one.
   */
  async #next(place: Place, through: number): Promise<readonly JournalRecord[] | null> {
    const records = await place.reading.next(through, this.#parts.limits.chunkBytes);
    const at = Math.max(records.at(-1)?.journalseq ?? 0, place.reading.passed?.() ?? 0) + 1;
    if (records.length === 0 && at <= place.at) {
      await place.reading.close();
      return null;
    }
    place.at = at;
    return records;
  }

  async #leave(): Promise<void> {
    const left = this.#catchUp;
    this.#catchUp = null;
    await left?.reading.close();
  }
}
