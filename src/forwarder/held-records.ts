import type { SluiceError } from "../errors.ts";
import type { JournalRecord } from "../journal/record.ts";
import type { BrokerRecord } from "./broker.ts";
import { weightOf } from "./envelope.ts";
import type { Form } from "./form.ts";
import type { Limits } from "./limits.ts";
import type { Memory } from "./memory.ts";

/** The first records of a queue, as one send. Empty: the oldest is none that may be sent, as `unfit` says. */
export interface Batch {
  readonly records: readonly BrokerRecord[];
  readonly bytes: number;
  readonly unfit: SluiceError | null;
}

export interface Removed {
  /** Of the last. */
  readonly journalseq: number;
  /** All of them are events of the bridge about itself. */
  readonly onlyOfBridge: boolean;
}

/**
 * The records that a lane holds, oldest first, and their weight. They are kept as they were read: the headers of a
 * batch, and what is projected, are made when it is sent, since they take up more memory than the text that they come
 * from. What is projected is weighed as well, until the send has ended.
 */
export class HeldRecords {
  readonly #memory: Memory;
  readonly #form: Form;
  #queue: { readonly record: JournalRecord; readonly weight: number }[] = [];
  #bytes = 0;
  #madeBytes = 0;

  constructor(memory: Memory, form: Form) {
    this.#memory = memory;
    this.#form = form;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#queue.length;
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

  removeOldest(count: number): Removed {
    const removed = this.#queue.splice(0, count);
    for (const { weight } of removed) this.#weigh(-weight);
    const onlyOfBridge = removed.every(({ record }) => record.stream === "bridge");
    return { journalseq: removed.at(-1)!.record.journalseq, onlyOfBridge };
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
    const { make, weigh } = this.#form;
    const records: BrokerRecord[] = [];
    let bytes = 0;
    let unfit: SluiceError | null = null;
    for (const { record, weight } of this.#queue) {
      if (records.length >= maxRecords) break;
      // What is yet to be made is weighed when it is.
      if (weigh === null && records.length > 0 && bytes + weight > batchBytes) break;
      const made = make(record);
      if (made instanceof Error) {
        unfit = made;
        break;
      }
      const madeWeight = weigh === null ? weight : weigh(made);
      if (records.length > 0 && bytes + madeWeight > batchBytes) break;
      records.push(made);
      bytes += madeWeight;
    }
    if (weigh !== null) this.#hold(bytes);
    return { records, bytes, unfit };
  }

  /** The send of the last batch has ended. */
  ended(): void {
    this.#hold(0);
  }

  #hold(bytes: number): void {
    this.#memory.held += bytes - this.#madeBytes;
    this.#madeBytes = bytes;
  }

  #weigh(bytes: number): void {
    this.#bytes += bytes;
    this.#memory.held += bytes;
  }
}
