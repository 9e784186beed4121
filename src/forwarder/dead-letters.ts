/**
 * Where records end that the broker will never take: cut down to what names them, on a topic of their own, or in a
 * file of the data directory when that topic takes them neither.
 *
 * Guarantee: when bury() resolves, the letter is confirmed by the broker or synced to the file.
 */
import { open } from "node:fs/promises";
import { v5 as uuidV5 } from "uuid";
import type { Clock } from "../clock.ts";
import { type ErrorCode, SluiceError } from "../errors.ts";
import type { JournalRecord } from "../journal/record.ts";
import type { Broker } from "./broker.ts";
import { type Attributes, attributesOf, brokerRecordOf } from "./envelope.ts";

/** A letter was written; the record it stands for counts as forwarded. */
export interface DeadLetter {
  readonly topic: string;
  readonly partition: number;
  /** Of a record that is a projection: which; the event itself may well be on its own topic. */
  readonly projection?: string;
  readonly journalseq: number;
  readonly sequence: number;
  readonly epoch: string;
  /** The event's id and type, where they could be read. */
  readonly id: string | null;
  readonly type: string | null;
  readonly bytes: number;
  readonly code: ErrorCode;
  readonly reason: string;
  readonly kept: "topic" | "file";
}

/** Where the record should have gone. */
export interface Addressee {
  readonly topic: string;
  readonly partition: number;
  /** null: it is the event itself. */
  readonly projection: string | null;
}

export interface DeadLetterParts {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly topic: string;
  readonly file: string;
  readonly instance: string;
  readonly partitionOf: (key: string, partitions: number) => number;
  readonly onBuried: (letter: DeadLetter) => void;
}

/** For ids that are the same when the same record is buried again after a restart. */
const namespace = "0a7a9f0e-5d5b-4c1c-9a43-0f6e6c1f2b8d";
const shownCharacters = 1_024;

export class DeadLetters {
  readonly #parts: DeadLetterParts;

  constructor(parts: DeadLetterParts) {
    this.#parts = parts;
  }

  /** Rejects, for a later attempt, while Kafka is away or the file cannot be written. */
  async bury(
    record: JournalRecord,
    { topic, partition, projection }: Addressee,
    error: SluiceError,
  ): Promise<void> {
    const attributes = attributesOf(record.event);
    const about = {
      topic,
      partition,
      ...(projection !== null && { projection }),
      journalseq: record.journalseq,
      sequence: record.sequence,
      epoch: record.epoch,
      id: textAt(attributes, "id"),
      type: textAt(attributes, "type"),
      bytes: Buffer.byteLength(record.event),
      code: error.code,
      reason: error.message,
    };
    const event = this.#letter(record, attributes, about);
    this.#parts.onBuried({ ...about, kept: await this.#keep({ ...record, event }) });
  }

  #letter(record: JournalRecord, attributes: Attributes | null, about: Omit<DeadLetter, "kept">): string {
    const { instance, clock } = this.#parts;
    const name = about.id ?? `${instance}\n${record.journalseq}`;
    return JSON.stringify({
      specversion: "1.0",
      id: uuidV5(about.projection === undefined ? name : `${name}\n${about.projection}`, namespace),
      source: textAt(attributes, "source") ?? `/sluice/${instance}`,
      type: "sluice.dead-letter",
      subject: textAt(attributes, "subject") || undefined,
      time: new Date(clock.now()).toISOString(),
      datacontenttype: "application/json",
      instance,
      partitionkey: record.key,
      data: {
        ...about,
        partitionkey: record.key,
        starts: record.event.slice(0, shownCharacters).toWellFormed(),
      },
    });
  }

  async #keep(letter: JournalRecord): Promise<"topic" | "file"> {
    const { broker, topic, partitionOf } = this.#parts;
    try {
      const partition = partitionOf(letter.key, await broker.partitions(topic));
      await broker.send(topic, partition, [brokerRecordOf(letter, attributesOf(letter.event)!)]);
      return "topic";
    } catch (thrown) {
      if (thrown instanceof SluiceError && thrown.code === "kafka_unavailable") throw thrown;
      await this.#append(letter.event);
      return "file";
    }
  }

  async #append(line: string): Promise<void> {
    const file = await open(this.#parts.file, "a", 0o600);
    try {
      await file.appendFile(`${line}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
  }
}

function textAt(attributes: Attributes | null, name: string): string | null {
  const value = attributes?.[name];
  return typeof value === "string" ? value : null;
}
