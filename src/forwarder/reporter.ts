/**
 * What the main thread is told of how things stand, and the counts that go with it.
 *
 *   state      after whatever may have changed it, but not more often than every `statsMs`
 *   progress   every `progressMs` in which anything but the bridge's own events was confirmed: those alone tell
 *              nothing new, and each progress is one of them
 */
import type { DeadLetter } from "./dead-letters.ts";
import type { Health } from "./health.ts";
import type { Limits } from "./limits.ts";
import type { Log } from "./log.ts";
import type { MarksKeeper } from "./marks-keeper.ts";
import type { Memory } from "./memory.ts";
import { progressOf } from "./progress.ts";
import type { ForwarderState, Listener } from "./report.ts";
import type { Rhythm } from "./rhythm.ts";
import type { DurableMark } from "./source.ts";
import type { Topics } from "./topics.ts";

export interface ReporterParts {
  readonly epoch: string;
  readonly durable: DurableMark;
  readonly marks: MarksKeeper;
  readonly topics: Topics;
  readonly health: Health;
  readonly memory: Memory;
  readonly rhythm: Rhythm;
  readonly limits: Limits;
  readonly log: Log;
  readonly listener: Listener;
}

export class Reporter {
  readonly #parts: ReporterParts;
  /** Something was confirmed since the last progress that is worth another. */
  #progressed = false;
  #sentRecords = 0;
  #sentBytes = 0;
  #retries = 0;
  #deadLetters = 0;

  constructor(parts: ReporterParts) {
    this.#parts = parts;
  }

  /** Tells the state as soon as it can, and the progress from now on. */
  start(): void {
    this.#progressSoon();
    this.#stateSoon(0);
  }

  /** See LaneWatcher. */
  confirmed(sent: number, bytes: number, onlyOfBridge: boolean): void {
    this.#sentRecords += sent;
    this.#sentBytes += bytes;
    if (!onlyOfBridge) this.#progressed = true;
    this.changed();
  }

  failed(): void {
    this.#retries += 1;
    this.changed();
  }

  buried(letter: DeadLetter): void {
    this.#deadLetters += 1;
    this.#parts.log.error({ ...letter }, "the broker will never take this event; it is in the dead letters");
    this.#parts.listener.deadLetter(letter);
  }

  /** The state is another; told when it is time. */
  changed(): void {
    this.#stateSoon(this.#parts.limits.statsMs);
  }

  /** Tells at once what there is to tell. */
  finish(): void {
    this.#tellProgress();
    this.#parts.listener.state(this.state());
  }

  state(): ForwarderState {
    const { durable, marks, topics, health, memory } = this.#parts;
    const through = durable.read();
    const acknowledged = marks.acknowledged();
    return {
      connected: health.well,
      acknowledgedJournalseq: acknowledged,
      lagRecords: Math.max(0, through - acknowledged),
      oldestUnackedJournalseq: through > acknowledged ? acknowledged + 1 : null,
      lastError: health.lastError,
      stuck: [...topics.lanes()].filter(({ stuck }) => stuck).map(({ name }) => name),
      unknownTopics: topics.all.filter(({ known }) => !known).map(({ name }) => name),
      sentRecords: this.#sentRecords,
      sentBytes: this.#sentBytes,
      retries: this.#retries,
      deadLetters: this.#deadLetters,
      heldBytes: memory.held,
    };
  }

  #stateSoon(delayMs: number): void {
    this.#parts.rhythm.later("state", delayMs, () => this.#parts.listener.state(this.state()));
  }

  #progressSoon(): void {
    this.#parts.rhythm.later("progress", this.#parts.limits.progressMs, () => {
      this.#tellProgress();
      this.#progressSoon();
    });
  }

  #tellProgress(): void {
    if (!this.#progressed) return;
    this.#progressed = false;
    const { epoch, listener, topics, marks } = this.#parts;
    listener.progress(progressOf(topics.events, epoch, marks.acknowledged()));
  }
}
