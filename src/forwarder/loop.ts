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
import { SluiceError } from "../errors.ts";
import { Health, type Trying } from "./health.ts";
import { Intake } from "./intake.ts";
import type { Lane } from "./lane.ts";
import type { Log } from "./log.ts";
import { MarksKeeper } from "./marks-keeper.ts";
import { Memory } from "./memory.ts";
import type { ForwarderState, Listener } from "./report.ts";
import { Reporter } from "./reporter.ts";
import { Rhythm } from "./rhythm.ts";
import { Signal } from "./signal.ts";
import type { DurableMark, MarksStore, Source } from "./source.ts";
import { type Destination, Topics } from "./topics.ts";
import { Troubles } from "./troubles.ts";

export interface LoopParts extends Destination {
  readonly source: Source;
  readonly durable: DurableMark;
  readonly marks: MarksStore;
  readonly epoch: string;
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
  readonly #topics: Topics;
  readonly #marks: MarksKeeper;
  readonly #reporter: Reporter;
  readonly #wake = new Signal();
  #intake: Intake | null = null;
  #state: "created" | "running" | "draining" | "stopped" = "created";
  #running: Promise<void> = Promise.resolve();

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
    this.#topics = new Topics({
      destination: parts,
      memory: this.#memory,
      aheadOf: (topic) => this.#marks.saved.ahead[topic],
      // Not before start() asks for all of them, nor when nobody waits for the answer any more.
      asks: () => this.#state === "running" || this.#state === "draining",
      watcher: {
        confirmed: (lane, sent, bytes, onlyOfBridge) => this.#confirmed(lane, sent, bytes, onlyOfBridge),
        failed: (who, error) => this.#failed(who, error),
        known: (topic) => {
          this.#health.confirmed(topic.name);
          this.#changed();
        },
        changed: () => this.#changed(),
        missing: () => parts.onTopicMissing?.(),
        buried: (letter) => this.#reporter.buried(letter),
      },
    });
    this.#marks = new MarksKeeper({
      store: parts.marks,
      topics: () => this.#topics.all,
      front: () => this.#intake?.front ?? 0,
      onMoved: (journalseq) => listener.acked(journalseq),
      onKept: (problem) => {
        if (problem === null) this.#troubles.ended("cursor", "the cursor is kept again");
        else this.#troubles.began("cursor", "journal_io", "the cursor cannot be kept", problem);
      },
    });
    this.#reporter = new Reporter({
      ...parts,
      marks: this.#marks,
      topics: this.#topics,
      health: this.#health,
      memory: this.#memory,
      rhythm: this.#rhythm,
    });
  }

  /** Resolves when it runs; Kafka need not be there. Rejects when the marks cannot be read. */
  async start(): Promise<void> {
    const { source, durable, limits, clock } = this.#parts;
    const { journalseq } = await this.#marks.load();
    const routes = this.#topics.open();
    const intake = new Intake(journalseq, {
      source,
      durable,
      limits,
      memory: this.#memory,
      topicsOf: (record) => routes.of(record),
      lanes: () => this.#topics.lanes(),
      clock,
      again: () => this.#wake.set(),
    });
    this.#intake = intake;
    this.#state = "running";
    this.#reporter.start();
    // Waited for, but not long, so that a broker that is there spares us from reading the first records twice.
    await Promise.race([this.#topics.ask(), this.#pause(limits.stuckAfterMs)]);
    this.#running = this.#read(intake);
    void this.#watchDurable();
  }

  /** Asks again for topics that were not there; to be called when they have been made. */
  askAgain(): void {
    void this.#topics.ask();
  }

  state(): ForwarderState {
    return this.#reporter.state();
  }

  /**
   * Sends what is durable by now, as long as Kafka takes it and for at most `deadlineMs`; then saves the marks, tells
   * the progress and closes the broker. A send that has not ended by then is sent again after the next start.
   */
  async stop(deadlineMs: number): Promise<void> {
    if (this.#state !== "running") return;
    this.#state = "draining";
    // Kafka may be well again, and who failed only has yet to find out.
    this.#topics.hurry();
    this.#intake?.hurry();
    const cancel = this.#parts.clock.after(deadlineMs, () => this.#end());
    this.#wake.set();
    await this.#running;
    cancel();
    this.#state = "stopped";
    this.#topics.halt();
    this.#rhythm.stop();
    await this.#marks.save();
    this.#reporter.finish();
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
    if (this.#topics.moving) return false;
    return intake.front >= this.#parts.durable.read() || this.#topics.outstanding || !this.#health.well;
  }

  #end(): void {
    this.#state = "stopped";
    this.#wake.set();
  }

  async #watchDurable(): Promise<void> {
    let seen = this.#parts.durable.read();
    while (this.#state !== "stopped") {
      await this.#parts.durable.above(seen);
      seen = this.#parts.durable.read();
      this.#changed();
      // Meanwhile the mark wakes nobody, which spares whoever writes it.
      await this.#pause(this.#parts.limits.lingerMs);
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#parts.clock.after(ms, resolve));
  }

  #changed(): void {
    this.#reporter.changed();
    this.#wake.set();
  }

  #confirmed(lane: Lane, sent: number, bytes: number, onlyOfBridge: boolean): void {
    if (lane.behind === null) this.#intake?.succeeded();
    this.#health.confirmed(lane.name);
    this.#rhythm.later("save", this.#parts.limits.saveMs, () => void this.#marks.save());
    this.#reporter.confirmed(sent, bytes, onlyOfBridge);
    this.#wake.set();
  }

  #failed(who: Trying, error: SluiceError): void {
    this.#health.failed(who, error, this.#topics.working);
    this.#intake?.failed();
    this.#reporter.failed();
    this.#wake.set();
  }
}
