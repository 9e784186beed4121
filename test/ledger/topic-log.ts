/** What a bridge would have put on the topics, one record after another, as the ledger reads it. */
import { v5 as uuidV5 } from "uuid";
import { Ledger, type LedgerOptions, type LedgerRecord } from "../../src/ledger/ledger.ts";
import type { LedgerReport, StreamReport } from "../../src/ledger/report.ts";

const namespace = "7a7c5a4e-3c39-4d4f-8a50-1ea8e4b7a3a1";
export const startMs = Date.parse("2027-01-31T08:00:00.000Z");

export interface Written extends LedgerRecord {
  readonly epoch: string;
  readonly sequence: number;
  readonly journalseq: number;
  readonly ms: number;
}

interface About {
  readonly partition?: number;
  readonly type?: string;
  readonly data?: unknown;
  readonly id?: string;
  readonly supersedes?: string;
  /** Other than the next number. */
  readonly sequence?: number;
  readonly ms?: number;
}

/** Numbers as a bridge does: per epoch and topic, and over all. A second passes with each record. */
export class TopicLog {
  readonly instance: string;
  epoch = "";
  readonly records: Written[] = [];
  #journalseq = 0;
  #sequences = new Map<string, number>();
  #previous: { epoch: string; topics: Record<string, Range> } | null = null;

  constructor(instance = "i-1") {
    this.instance = instance;
  }

  /** Begins an epoch and says so. */
  start(epoch: string): Written {
    if (this.epoch !== "") this.#previous = { epoch: this.epoch, topics: this.given };
    this.epoch = epoch;
    this.#sequences = new Map();
    return this.bridge("started", { previous: this.#previous, kafka: true });
  }

  /** Of the epoch so far. */
  get given(): Record<string, Range> {
    return Object.fromEntries([...this.#sequences].map(([topic, last]) => [topic, { first: 1, last }]));
  }

  get journalseq(): number {
    return this.#journalseq;
  }

  bridge(type: string, data: object): Written {
    return this.write("bridge", { type: `sluice.bridge.${type}`, data });
  }

  /** All of the epoch is confirmed, this very event left out. */
  progress(topics = this.given, journalseq = this.#journalseq): Written {
    return this.bridge("progress", { journalseq, topics });
  }

  many(topic: string, count: number, about: About = {}): Written[] {
    return Array.from({ length: count }, () => this.write(topic, about));
  }

  write(topic: string, about: About = {}): Written {
    const { partition = 0, type = "sluice.login.allowed", data = {} } = about;
    const sequence = about.sequence ?? (this.#sequences.get(topic) ?? 0) + 1;
    if (about.sequence === undefined) this.#sequences.set(topic, sequence);
    this.#journalseq++;
    const journalseq = this.#journalseq;
    const ms = about.ms ?? startMs + journalseq * 1000;
    const value = JSON.stringify({
      specversion: "1.0",
      id: about.id ?? uuidV5(`${this.instance} ${journalseq}`, namespace),
      type,
      time: new Date(ms).toISOString(),
      supersedes: about.supersedes,
      instance: this.instance,
      epoch: this.epoch,
      sequence: digits(sequence),
      journalseq: digits(journalseq),
      data,
    });
    const record = { topic, partition, value, epoch: this.epoch, sequence, journalseq, ms };
    this.records.push(record);
    return record;
  }

  /** Takes numbers for records that nobody will see. */
  lose(topic: string, count: number): { readonly journalseq: Range; readonly numbers: Range } {
    const lost = this.many(topic, count);
    this.records.splice(-count);
    return {
      journalseq: { first: lost[0]!.journalseq, last: lost.at(-1)!.journalseq },
      numbers: { first: lost[0]!.sequence, last: lost.at(-1)!.sequence },
    };
  }
}

interface Range {
  readonly first: number;
  readonly last: number;
}

export function digits(number: number): string {
  return String(number).padStart(16, "0");
}

export function judged(records: Iterable<LedgerRecord>, options: LedgerOptions = {}): LedgerReport {
  const ledger = new Ledger(options);
  for (const record of records) ledger.add(record);
  return ledger.report();
}

export function streamOf(report: LedgerReport, topic: string, epoch: string): StreamReport {
  const found = report.streams.find((stream) => stream.topic === topic && stream.epoch === epoch);
  if (found === undefined) throw new Error(`no stream ${topic} of ${epoch}`);
  return found;
}

/** The numbers of spans, to compare with what a test has left out. */
export function numbersOf(spans: readonly Range[]): number[] {
  return spans.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, at) => first + at));
}
