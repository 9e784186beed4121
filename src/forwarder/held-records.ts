import type { JournalRecord } from "../journal/record.ts";
import type { BrokerRecord } from "./broker.ts";
import { attributesOf, brokerRecordOf, weightOf } from "./envelope.ts";
import type { Limits } from "./limits.ts";
import type { Memory } from "./memory.ts";

/** The first records of a queue, as one send. Empty: the oldest record is none that may be sent. */
export interface Batch {
  readonly records: readonly BrokerRecord[];
  readonly bytes: number;
}

/**
 * The records that a lane holds, oldest first, and their weight. They are kept as they were read: the headers of a
 * batch are made when it is sent, since they take up more memory than the text that they come from.
 */
export class HeldRecords {
  readonly #memory: Memory;
  #queue: { readonly record: JournalRecord; readonly weight: number }[] = [];
  #bytes = 0;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get empty(): boolean {
    return this.#queue.length === 0;
  }

  get oldest(): JournalRecord | null {
    return this.#queue[0]?.record ?? null;
  }

  push(record: JournalRecord): void {
    const weight = weightOf(record);
    this.#queue.push({ record, weight });
    this.#weigh(weight);
  }

  /** Returns the journalseq of the last that was removed. */
  removeOldest(count: number): number {
    const removed = this.#queue.splice(0, count);
    for (const { weight } of removed) this.#weigh(-weight);
    return removed.at(-1)!.record.journalseq;
  }

  /** Drops the newest, down to `maxBytes` but not below `atLeast` records; returns the oldest that was dropped. */
  shrink(maxBytes: number, atLeast: number): JournalRecord | null {
    let kept = 0;
    let bytes = 0;
    for (const { weight } of this.#queue) {
      if (kept >= atLeast && bytes + weight > maxBytes) break;
      bytes += weight;
      kept += 1;
    }
    const dropped = this.#queue.splice(kept);
    this.#weigh(bytes - this.#bytes);
    return dropped[0]?.record ?? null;
  }

  /** At most `maxRecords` and the limit's bytes, but the first whatever it weighs. */
  batch(maxRecords: number, { batchBytes }: Limits): Batch {
    const records: BrokerRecord[] = [];
    let bytes = 0;
    for (const { record, weight } of this.#queue) {
      if (records.length >= maxRecords || (records.length > 0 && bytes + weight > batchBytes)) break;
      const attributes = attributesOf(record.event);
      if (attributes === null) break;
      records.push(brokerRecordOf(record, attributes));
      bytes += weight;
    }
    return { records, bytes };
  }

  #weigh(bytes: number): void {
    this.#bytes += bytes;
    this.#memory.held += bytes;
  }
}
