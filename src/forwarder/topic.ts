/**
 * One topic: its partitions, as soon as the broker has said how many there are.
 *
 *   unknown ──the broker answers──▶ known        asks again after 100 ms … 10 s, for ever
 *      ▲                              │ a partition is missing, and the broker knows no such topic, or another number
 *      └──what is under way has ended─┘
 *
 * While it is unknown its records are passed over and read again later, so that a missing topic holds up nobody else.
 * The number is asked for again only when a partition is missing, as after the topic was deleted and made anew: were
 * it to change while lanes are in use, a key's records could overtake each other.
 */
import { SluiceError, textOf } from "../errors.ts";
import type { JournalRecord } from "../journal/record.ts";
import { asEvent, type Form } from "./form.ts";
import { Lane, type LaneParts } from "./lane.ts";
import { earlier, type Position, positionOf } from "./position.ts";
import { Retry } from "./retry.ts";
import type { AheadTopic } from "./source.ts";

export interface TopicParts extends LaneParts {
  readonly partitionOf: (key: string, partitions: number) => number;
  readonly topicWatcher: {
    known(topic: Topic): void;
    unknown(topic: Topic, error: SluiceError): void;
    /** The broker does not know it; told at each attempt. */
    missing(): void;
  };
}

export class Topic {
  readonly name: string;
  /** The newest record that was read of it, confirmed or not. */
  newest: Position | null = null;
  readonly #parts: TopicParts;
  readonly #form: Form;
  readonly #retry: Retry;
  /** What an earlier run left. */
  #ahead: AheadTopic | undefined;
  #lanes: readonly Lane[] | null = null;
  #behind: Position | null = null;
  #asking = false;
  /** See Health. */
  tryingSinceMs = 0;

  constructor(name: string, parts: TopicParts, ahead: AheadTopic | undefined, form: Form = asEvent) {
    this.#form = form;
    this.name = name;
    this.#parts = parts;
    this.#retry = new Retry(parts, () => void this.ask());
    this.#ahead = ahead;
  }

  /** Empty while unknown. */
  get lanes(): readonly Lane[] {
    return this.#lanes ?? [];
  }

  get known(): boolean {
    return this.#lanes !== null;
  }

  laneOf(record: JournalRecord): Lane | null {
    if (this.#lanes === null) return null;
    return this.#lanes[this.#parts.partitionOf(record.key, this.#lanes.length)]!;
  }

  /** A record came while it was unknown. */
  passOver(record: JournalRecord): void {
    this.#behind ??= positionOf(record);
  }

  /** The oldest record that is not confirmed. */
  get first(): Position | null {
    return this.lanes.reduce((first, lane) => earlier(first, lane.first), this.#behind);
  }

  /** See Lane.confirmedThrough. */
  confirmedThrough(front: number): number {
    if (this.#lanes === null) return this.#behind === null ? front : this.#behind.journalseq - 1;
    return Math.min(front, ...this.#lanes.map((lane) => lane.confirmedThrough(front)));
  }

  /** What to keep for the next run, besides that everything up to `journalseq` is confirmed. */
  aheadOf(journalseq: number): AheadTopic | undefined {
    if (this.#lanes === null) return this.#ahead;
    const through: Record<string, number> = {};
    for (const lane of this.#lanes) {
      if (lane.lastConfirmed > journalseq) through[lane.partition] = lane.lastConfirmed;
    }
    if (Object.keys(through).length === 0) return undefined;
    return { partitions: this.#lanes.length, through };
  }

  /** Whether records wait for the broker to say how many partitions there are. */
  get waiting(): boolean {
    return this.#behind !== null;
  }

  /** See Retry. */
  get hopeless(): boolean {
    return !this.#asking && this.#retry.hopeless;
  }

  /** Asks now, as if it had not failed yet. */
  hurry(): void {
    if (this.#lanes !== null || this.#asking) return;
    this.#retry.reset();
    void this.ask();
  }

  /** Resolves when the broker has answered, whatever it said; when that was an error, it is asked again later. */
  async ask(): Promise<void> {
    if (this.#lanes !== null || this.#asking || this.#retry.halted) return;
    this.#retry.cancel();
    this.#asking = true;
    if (!this.#retry.failing) this.tryingSinceMs = this.#parts.clock.monotonic();
    try {
      this.#become(await this.#parts.broker.partitions(this.name));
    } catch (thrown) {
      this.#retry.failed();
      const error = thrown instanceof SluiceError ? thrown : new SluiceError("kafka_topic", textOf(thrown));
      this.#parts.topicWatcher.unknown(this, error);
      if (error.code === "kafka_topic") this.#parts.topicWatcher.missing();
    } finally {
      this.#asking = false;
    }
  }

  /** To be called when a partition is said to be missing: looks whether the whole topic is, or has another number. */
  async doubt(): Promise<void> {
    if (this.#lanes === null || this.#asking || this.#retry.halted) return;
    const lanes = this.#lanes;
    this.#asking = true;
    const changed = await this.#parts.broker.partitions(this.name).then(
      (partitions) => partitions !== lanes.length,
      (thrown) => thrown instanceof SluiceError && thrown.code === "kafka_topic",
    );
    if (changed) await this.#forget(lanes);
    this.#asking = false;
    if (changed) await this.ask();
  }

  halt(): void {
    this.#retry.halt();
    for (const lane of this.lanes) lane.halt();
  }

  /** All that is not confirmed is read again, for lanes that are still to come. */
  async #forget(lanes: readonly Lane[]): Promise<void> {
    await Promise.all(lanes.map((lane) => lane.leave()));
    for (const lane of lanes) {
      this.#behind = earlier(this.#behind, lane.unconfirmed);
      lane.drop();
    }
    this.#parts.memory.lanes -= lanes.length;
    this.#ahead = undefined;
    this.#lanes = null;
  }

  #become(partitions: number): void {
    if (this.#retry.halted) return;
    const usable = this.#ahead?.partitions === partitions ? this.#ahead.through : {};
    this.#lanes = Array.from(
      { length: partitions },
      (_, partition) =>
        new Lane(this.name, partition, this.#parts, this.#behind, usable[partition] ?? 0, this.#form),
    );
    this.#behind = null;
    this.#retry.reset();
    this.#parts.memory.lanes += partitions;
    this.#parts.topicWatcher.known(this);
  }
}
