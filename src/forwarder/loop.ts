/**
 * The forwarder: what is durable in the journal reaches the broker, in order for its key, at least once.
 *
 *   journal ──intake──▶ lanes, one a partition ──send──▶ broker
 *                          │ confirmed
 *                          ▼
 *                        marks ──▶ saved, told to the main thread
 *
 *   created ──start──▶ running ──stop──▶ draining ──all confirmed, nothing moves, or deadline──▶ stopped
 *
 * Guarantees: the marks move only past what the broker confirmed or the dead letters hold, on every topic that a record
 * goes to; memory is bounded whatever fails and for how long; after a crash only what was confirmed since the last save
 * is sent again.
 */
import type { Clock } from "../clock.ts";
import { SluiceError } from "../errors.ts";
import type { Stream } from "../events/streams.ts";
import { type TopicNames, topicNamed } from "../events/topic-names.ts";
import type { JournalRecord } from "../journal/record.ts";
import type { Broker } from "./broker.ts";
import { type DeadLetter, DeadLetters } from "./dead-letters.ts";
import type { Form, Projection } from "./form.ts";
import { Health, type Trying } from "./health.ts";
import { Intake } from "./intake.ts";
import { deadLettersTopic } from "./kept-topics.ts";
import type { Lane } from "./lane.ts";
import type { Limits } from "./limits.ts";
import type { Log } from "./log.ts";
import { MarksKeeper } from "./marks-keeper.ts";
import { Memory } from "./memory.ts";
import { progressOf } from "./progress.ts";
import type { ForwarderState, Listener } from "./report.ts";
import { Rhythm } from "./rhythm.ts";
import { Routes } from "./routes.ts";
import { Signal } from "./signal.ts";
import type { DurableMark, MarksStore, Source } from "./source.ts";
import { Topic, type TopicParts } from "./topic.ts";
import { Troubles } from "./troubles.ts";

export interface LoopParts extends TopicNames {
  readonly source: Source;
  readonly durable: DurableMark;
  readonly marks: MarksStore;
  readonly broker: Broker;
  readonly partitionOf: (key: string, partitions: number) => number;
  readonly streams: readonly Stream[];
  /** Published beside the events, each on a topic of its own. */
  readonly projections: readonly Projection[];
  /** Of a part of the journal: whether a record is for a topic, named without its prefix; by default all are. */
  readonly goesTo?: (record: JournalRecord, topic: string) => boolean;
  readonly instance: string;
  readonly epoch: string;
  /** For what not even the topic of dead letters takes. */
  readonly deadLettersFile: string;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly listener: Listener;
  /** The broker does not know a topic; told at each attempt. Whoever can make topics may do so, then askAgain(). */
  readonly onTopicMissing?: () => void;
}

export class ForwarderLoop {
  readonly #parts: LoopParts;
  readonly #memory: Memory;
  readonly #health: Health;
  readonly #troubles: Troubles;
  readonly #rhythm: Rhythm;
  readonly #topicParts: TopicParts;
  readonly #marks: MarksKeeper;
  readonly #wake = new Signal();
  #routes: Routes | null = null;
  #intake: Intake | null = null;
  /** Something but the bridge's own events was confirmed since the last progress: those alone tell nothing new. */
  #progressed = false;
  #state: "created" | "running" | "draining" | "stopped" = "created";
  #running: Promise<void> = Promise.resolve();
  #sentRecords = 0;
  #sentBytes = 0;
  #retries = 0;
  #deadLetters = 0;

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.#memory = new Memory(parts.limits.memoryBytes, parts.limits.batchBytes);
    const { clock, log, listener } = parts;
    this.#health = new Health({
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      aloneAfterMs: parts.limits.stuckAfterMs,
      log,
      tell: (trouble) => listener.trouble(trouble),
    });
    this.#troubles = new Troubles(log, (trouble) => listener.trouble(trouble));
    this.#rhythm = new Rhythm(clock);
    this.#topicParts = this.#makeTopicParts();
    this.#marks = new MarksKeeper({
      store: parts.marks,
      topics: () => this.#topics(),
      front: () => this.#intake?.front ?? 0,
      onMoved: (journalseq) => listener.acked(journalseq),
      onKept: (problem) => {
        if (problem === null) this.#troubles.ended("cursor", "the cursor is kept again");
        else this.#troubles.began("cursor", "journal_io", "the cursor cannot be kept", problem);
      },
    });
  }

  /** Resolves when it runs; Kafka need not be there. Rejects when the marks cannot be read. */
  async start(): Promise<void> {
    const { source, durable, limits, streams, projections, goesTo, clock } = this.#parts;
    const { journalseq } = await this.#marks.load();
    const routes = new Routes({
      projections,
      goesTo,
      nameOf: (stream) => topicNamed(this.#parts, stream),
      open: (name, form) => this.#open(name, form),
    });
    this.#routes = routes;
    for (const stream of streams) routes.eventsOf(stream);
    const memory = this.#memory;
    const intake = new Intake(journalseq, {
      source,
      durable,
      limits,
      memory,
      topicsOf: (record) => routes.of(record),
      lanes: () => this.#lanes(),
    });
    this.#intake = intake;
    this.#state = "running";
    this.#tellProgressSoon();
    this.#tellStateSoon(0);
    // Waited for, but not long, so that a broker that is there spares us from reading the first records twice.
    const asked = Promise.all(this.#topics().map((topic) => topic.ask()));
    await Promise.race([
      asked,
      new Promise<void>((resolve) => void clock.after(limits.stuckAfterMs, resolve)),
    ]);
    this.#running = this.#read(intake);
    void this.#watchDurable();
  }

  /** Asks again for topics that were not there; to be called when they have been made. */
  askAgain(): void {
    for (const topic of this.#topics()) void topic.ask();
  }

  state(): ForwarderState {
    const durable = this.#parts.durable.read();
    const acknowledged = this.#marks.acknowledged();
    return {
      connected: this.#health.well,
      acknowledgedJournalseq: acknowledged,
      lagRecords: Math.max(0, durable - acknowledged),
      oldestUnackedJournalseq: durable > acknowledged ? acknowledged + 1 : null,
      lastError: this.#health.lastError,
      stuck: [...this.#lanes()].filter(({ stuck }) => stuck).map(({ name }) => name),
      unknownTopics: this.#topics()
        .filter(({ known }) => !known)
        .map(({ name }) => name),
      sentRecords: this.#sentRecords,
      sentBytes: this.#sentBytes,
      retries: this.#retries,
      deadLetters: this.#deadLetters,
      heldBytes: this.#memory.held,
    };
  }

  /**
   * Sends what is durable by now, as long as Kafka takes it and for at most `deadlineMs`; then saves the marks, tells
   * the progress and closes the broker. A send that has not ended by then is sent again after the next start.
   */
  async stop(deadlineMs: number): Promise<void> {
    if (this.#state !== "running") return;
    this.#state = "draining";
    // Kafka may be well again, and who failed only has yet to find out.
    for (const topic of this.#topics()) topic.hurry();
    for (const lane of this.#lanes()) lane.hurry();
    const cancel = this.#parts.clock.after(deadlineMs, () => this.#end());
    this.#wake.set();
    await this.#running;
    cancel();
    this.#state = "stopped";
    for (const topic of this.#topics()) topic.halt();
    this.#rhythm.stop();
    await this.#marks.save();
    if (this.#progressed) this.#tellProgress();
    this.#parts.listener.state(this.state());
    await this.#intake?.close();
    await this.#parts.broker.close();
  }

  async #read(intake: Intake): Promise<void> {
    while (this.#state !== "stopped") {
      // Taken before the step: what changes while it reads is looked at by another one.
      const changed = this.#wake.next();
      if (await this.#step(intake)) continue;
      if (this.#state === "draining" && this.#drained(intake)) return;
      // Looked at again also when nothing wakes it: what could not be read may be readable later.
      this.#rhythm.later("look", this.#parts.limits.retryMaxMs, () => this.#wake.set());
      await changed;
    }
  }

  async #step(intake: Intake): Promise<boolean> {
    try {
      const moved = await intake.step();
      if (moved) this.#troubles.ended("journal", "the journal can be read again");
      return moved;
    } catch (thrown) {
      const code = thrown instanceof SluiceError ? thrown.code : "journal_io";
      this.#troubles.began("journal", code, "the journal cannot be read", thrown);
      await intake.close();
      return false;
    }
  }

  /** All is confirmed, or what is not does not move: then waiting longer would help nobody. */
  #drained(intake: Intake): boolean {
    const lanes = [...this.#lanes()].filter(({ outstanding }) => outstanding);
    if (lanes.some(({ sending, hopeless }) => sending || !hopeless)) return false;
    const topics = this.#topics().filter(({ waiting }) => waiting);
    if (topics.some(({ hopeless }) => !hopeless)) return false;
    return intake.front >= this.#parts.durable.read() || lanes.length > 0 || !this.#health.well;
  }

  #end(): void {
    this.#state = "stopped";
    this.#wake.set();
  }

  async #watchDurable(): Promise<void> {
    for (
      let seen = this.#parts.durable.read();
      this.#state !== "stopped";
      seen = this.#parts.durable.read()
    ) {
      await this.#parts.durable.above(seen);
      this.#tellStateSoon();
      this.#wake.set();
    }
  }

  *#lanes(): Iterable<Lane> {
    for (const topic of this.#topics()) yield* topic.lanes;
  }

  #topics(): readonly Topic[] {
    return this.#routes?.all ?? [];
  }

  #open(stream: string, form: Form): Topic {
    const name = topicNamed(this.#parts, stream);
    const topic = new Topic(name, this.#topicParts, this.#marks.saved.ahead[name], form);
    if (this.#state === "running") void topic.ask();
    return topic;
  }

  #makeTopicParts(): TopicParts {
    const { broker, clock, random, limits, partitionOf, instance } = this.#parts;
    const deadLetters = new DeadLetters({
      broker,
      clock,
      instance,
      partitionOf,
      topic: topicNamed(this.#parts, deadLettersTopic),
      file: this.#parts.deadLettersFile,
      onBuried: (letter) => this.#buried(letter),
    });
    return {
      broker,
      clock,
      random,
      limits,
      partitionOf,
      deadLetters,
      memory: this.#memory,
      watcher: {
        confirmed: (lane, sent, bytes, onlyOfBridge) => this.#confirmed(lane, sent, bytes, onlyOfBridge),
        failed: (lane, error) => {
          this.#failed(lane, error);
          if (error.code === "kafka_topic") void this.#doubt(lane.topic);
        },
        changed: () => this.#wake.set(),
      },
      topicWatcher: {
        known: (topic) => {
          for (const lane of this.#lanes()) lane.shrink();
          this.#health.confirmed(topic.name);
          this.#wake.set();
        },
        unknown: (topic, error) => this.#failed(topic, error),
        missing: () => this.#parts.onTopicMissing?.(),
      },
    };
  }

  #confirmed(lane: Lane, sent: number, bytes: number, onlyOfBridge: boolean): void {
    this.#sentRecords += sent;
    this.#sentBytes += bytes;
    if (!onlyOfBridge) this.#progressed = true;
    if (lane.behind === null) this.#intake?.succeeded();
    this.#health.confirmed(lane.name);
    this.#saveSoon();
    this.#tellStateSoon();
    this.#wake.set();
  }

  #failed(who: Trying, error: SluiceError): void {
    this.#retries += 1;
    const works = [...this.#lanes()].some(({ outstanding, failing }) => outstanding && !failing);
    this.#health.failed(who, error, works);
    this.#intake?.failed();
    this.#tellStateSoon();
    this.#wake.set();
  }

  async #doubt(name: string): Promise<void> {
    for (const topic of this.#topics()) if (topic.name === name) await topic.doubt();
  }

  #buried(letter: DeadLetter): void {
    this.#deadLetters += 1;
    this.#parts.log.error({ ...letter }, "the broker will never take this event; it is in the dead letters");
    this.#parts.listener.deadLetter(letter);
  }

  #saveSoon(): void {
    this.#rhythm.later("save", this.#parts.limits.saveMs, () => void this.#marks.save());
  }

  #tellStateSoon(delayMs = this.#parts.limits.statsMs): void {
    this.#rhythm.later("state", delayMs, () => this.#parts.listener.state(this.state()));
  }

  #tellProgressSoon(): void {
    this.#rhythm.later("progress", this.#parts.limits.progressMs, () => {
      if (this.#progressed) this.#tellProgress();
      this.#tellProgressSoon();
    });
  }

  #tellProgress(): void {
    this.#progressed = false;
    const { epoch, listener } = this.#parts;
    listener.progress(progressOf(this.#routes?.events ?? [], epoch, this.#marks.acknowledged()));
  }
}
