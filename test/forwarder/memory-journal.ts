import type { Stream } from "../../src/events/streams.ts";
import type { DurableMark, Marks, MarksStore, Reading, Source } from "../../src/forwarder/source.ts";
import type { JournalRecord } from "../../src/journal/record.ts";

/** A journal in memory: what the loop reads from, and its cursor. */
export class MemoryJournal implements Source, DurableMark, MarksStore {
  readonly records: JournalRecord[] = [];
  readonly epoch: string;
  marks: Marks = { journalseq: 0, ahead: {} };
  /** Every marks that were saved. */
  readonly saves: Marks[] = [];
  /** Why it cannot be read, or its cursor not be kept. */
  broken: Error | null = null;
  full: Error | null = null;
  /** Whether now and then it seems to hold nothing more. */
  shy = false;
  #reads = 0;
  readonly #sequences = new Map<Stream, number>();
  #waiting: { above: number; resolve: () => void }[] = [];

  constructor(epoch = "epoch-1") {
    this.epoch = epoch;
  }

  append(
    stream: Stream,
    key: string,
    options: { padBytes?: number; event?: string; type?: string } = {},
  ): JournalRecord {
    const journalseq = this.records.length + 1;
    const sequence = (this.#sequences.get(stream) ?? 0) + 1;
    this.#sequences.set(stream, sequence);
    const { type, padBytes } = options;
    const made = eventText(stream, key, journalseq, sequence, this.epoch, padBytes);
    const event = options.event ?? (type === undefined ? made : made.replace("sluice.login.allowed", type));
    const record = { journalseq, sequence, epoch: this.epoch, stream, key, event };
    this.records.push(record);
    const ready = this.#waiting.filter(({ above }) => journalseq > above);
    this.#waiting = this.#waiting.filter(({ above }) => journalseq <= above);
    for (const { resolve } of ready) resolve();
    return record;
  }

  read(): number {
    return this.records.length;
  }

  above(journalseq: number): Promise<void> {
    if (this.records.length > journalseq) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ above: journalseq, resolve }));
  }

  open(journalseq: number): Reading {
    let next = journalseq;
    return {
      next: async (through, maxBytes) => {
        // As long as a disk takes, which is never the same: things change while a chunk is read.
        for (let turn = 0; turn < this.#reads % 9; turn++)
          await new Promise((resolve) => setImmediate(resolve));
        this.#reads += 1;
        if (this.shy && this.#reads % 5 === 4) return [];
        const found: JournalRecord[] = [];
        let bytes = 0;
        while (next <= through && next <= this.records.length && bytes < maxBytes) {
          const record = this.records[next - 1]!;
          found.push(record);
          bytes += record.event.length;
          next += 1;
        }
        if (this.broken !== null) throw this.broken;
        return found;
      },
      close: async () => {},
    };
  }

  async load(): Promise<Marks> {
    return this.marks;
  }

  async save(marks: Marks): Promise<void> {
    if (this.full !== null) throw this.full;
    this.marks = marks;
    this.saves.push(marks);
  }
}

/** An event as the bridge renders it: its id is `e-<journalseq>`. */
export function eventText(
  stream: Stream,
  key: string,
  journalseq: number,
  sequence: number,
  epoch: string,
  padBytes = 0,
): string {
  return JSON.stringify({
    specversion: "1.0",
    id: `e-${journalseq}`,
    source: "/frp/frps",
    type: "sluice.login.allowed",
    subject: 'a,"data":quoted',
    time: "2026-01-01T00:00:00.000Z",
    datacontenttype: "application/json",
    instance: "i-1",
    epoch,
    sequence: String(sequence).padStart(16, "0"),
    journalseq: String(journalseq).padStart(16, "0"),
    partitionkey: key,
    data: { stream, pad: "x".repeat(padBytes) },
  });
}
