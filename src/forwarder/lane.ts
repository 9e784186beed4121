/**
 * One partition's records on their way to the broker.
 *
 *                 confirmed, more
 *                 ┌───────────┐
 *                 ▼           │
 *   idle ──go──▶ sending ─────┴─ confirmed, none left ──▶ idle
 *                 ▲   │
 *           timer │   │ failed
 *                 │   ▼
 *                waiting        stuck, beside these: nothing confirmed for 2 s though something waits;
 *                               ended by the next confirmation
 *
 * Idle, it rests for a moment behind a send that took all it had, for more to come (pace.ts).
 *
 * Guarantees: one send in flight; a batch begins with the oldest record that is not confirmed, so first appearances
 * in the partition are in order; a record leaves only confirmed, buried, or to be read again (`behind`).
 * Buried: at once what no record can be made of for the broker, and what is rejected as batch-size.ts says.
 */
import { SluiceError } from "../errors.ts";
import type { JournalRecord } from "../journal/record.ts";
import { BatchSize } from "./batch-size.ts";
import type { Broker } from "./broker.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { Form } from "./form.ts";
import { HeldRecords } from "./held-records.ts";
import type { Memory } from "./memory.ts";
import { Pace } from "./pace.ts";
import { type Position, positionOf } from "./position.ts";
import { Retry, type RetryParts } from "./retry.ts";

export interface LaneWatcher {
  /** `sent` records of `bytes` before compression; none when the oldest was buried. */
  confirmed(lane: Lane, sent: number, bytes: number, onlyOfBridge: boolean): void;
  failed(lane: Lane, error: SluiceError): void;
  /** Has become stuck, or hungry: what may be read has changed. */
  changed(lane: Lane): void;
}

export interface LaneParts extends RetryParts {
  readonly broker: Broker;
  readonly memory: Memory;
  readonly deadLetters: DeadLetters;
  readonly watcher: LaneWatcher;
}

export class Lane {
  readonly topic: string;
  readonly partition: number;
  /** `sluice.logins [3]`, for people. */
  readonly name: string;
  /** Where the first record lies that was passed over and must be read again; null: none, it is live. */
  behind: Position | null;
  readonly #parts: LaneParts;
  readonly #held: HeldRecords;
  readonly #form: Form;
  readonly #retry: Retry;
  readonly #pace: Pace;
  readonly #batchSize: BatchSize;
  /** All of its records up to this one are confirmed; an earlier run may have got further than its cursor. */
  #confirmedThrough: number;
  #state: "idle" | "sending" | "waiting" = "idle";
  #stuck = false;
  /** How many of the oldest are being sent or buried. */
  #inFlight = 0;
  #tryingSinceMs: number | null = null;
  /** Settles when the send or burial that is under way has ended; never rejects. */
  #ending: Promise<void> = Promise.resolve();
  #cancelStuck: (() => void) | null = null;

  constructor(
    topic: string,
    partition: number,
    parts: LaneParts,
    behind: Position | null,
    confirmedThrough: number,
    form: Form,
  ) {
    this.topic = topic;
    this.partition = partition;
    this.name = `${topic} [${partition}]`;
    this.behind = behind;
    this.#parts = parts;
    this.#form = form;
    this.#held = new HeldRecords(parts.memory, form);
    this.#retry = new Retry(parts, () => this.#again());
    this.#pace = new Pace(parts.clock, parts.limits.lingerMs, () => this.go());
    this.#confirmedThrough = confirmedThrough;
    this.#batchSize = new BatchSize(parts.limits.batchRecords);
  }

  /** The projection that it carries; null: the events themselves. */
  get projection(): string | null {
    return this.#form.projection;
  }

  get stuck(): boolean {
    return this.#stuck;
  }

  get failing(): boolean {
    return this.#retry.failing;
  }

  /** See Retry. */
  get hopeless(): boolean {
    return this.#retry.hopeless;
  }

  /** See Health. */
  get tryingSinceMs(): number {
    return this.#tryingSinceMs ?? this.#parts.clock.monotonic();
  }

  get sending(): boolean {
    return this.#state === "sending";
  }

  /** Whether anything waits here, or in the journal for it. */
  get outstanding(): boolean {
    return this.first !== null;
  }

  /** The oldest record that is not confirmed; of one that lies behind, its sequence may be older than itself. */
  get first(): Position | null {
    const oldest = this.#held.oldest;
    return oldest === null ? this.behind : positionOf(oldest);
  }

  /** The last record that was confirmed, and with it all before it. */
  get lastConfirmed(): number {
    return this.#confirmedThrough;
  }

  /** Up to which journalseq all of its records are confirmed, when everything up to `front` has been read. */
  confirmedThrough(front: number): number {
    const first = this.first;
    return Math.max(this.#confirmedThrough, first === null ? front : first.journalseq - 1);
  }

  /** A healthy lane that is full makes reading wait; a stuck one is passed over. */
  get full(): boolean {
    return !this.#stuck && this.#held.bytes >= this.#parts.limits.laneBytes;
  }

  /** A stuck lane that holds nothing takes a little, to have something to try. */
  get takes(): boolean {
    if (!this.#stuck) return true;
    return this.#state === "idle" && (this.#held.empty || this.#held.bytes < this.#parts.memory.share);
  }

  /** The caller has made sure that nothing of this lane lies between this record and the one before. */
  accept(record: JournalRecord): void {
    if (record.journalseq <= this.#confirmedThrough) return;
    this.#held.push(record);
  }

  /** Sends what it has, unless it is busy or has sent a moment ago and may wait for more. */
  go(): void {
    if (this.#state !== "idle" || this.#retry.halted || this.#held.empty) return;
    if (!this.#fillsBatch && this.#pace.rests()) return;
    this.#state = "sending";
    this.#tryingSinceMs ??= this.#parts.clock.monotonic();
    this.#cancelStuck ??= this.#parts.clock.after(this.#parts.limits.stuckAfterMs, () => this.#becomeStuck());
    const batch = this.#held.batch(this.#batchSize.records, this.#parts.limits);
    this.#inFlight = batch.records.length;
    // What does not fit has waited already, and goes next.
    if (this.#inFlight === this.#held.count) this.#pace.began();
    if (this.#inFlight === 0) {
      this.#bury(batch.unfit!);
      return;
    }
    this.#ending = this.#parts.broker.send(this.topic, this.partition, batch.records).then(
      () => this.#confirmed(batch.records.length, batch.bytes),
      (thrown) => this.#failed(errorOf(thrown)),
    );
  }

  /** Tries again now, as if it had not failed yet; from now on nothing waits for more. */
  hurry(): void {
    this.#pace.hurry();
    if (this.#state === "waiting") {
      this.#retry.reset();
      this.#again();
    } else this.go();
  }

  /** No send begins any more. */
  halt(): void {
    this.#retry.halt();
    this.#pace.halt();
    this.#cancelStuck?.();
  }

  /**
   * Ends it for good: sends nothing more, and resolves when what is under way has ended. All that is not confirmed then
   * must be read again by somebody else, from `unconfirmed` on; it still takes records until `drop`.
   */
  async leave(): Promise<void> {
    this.halt();
    while (this.sending) await this.#ending;
  }

  /** Where the first record lies that is not confirmed; null: there is none. */
  get unconfirmed(): Position | null {
    const { first } = this;
    return first && { ...first, journalseq: Math.max(first.journalseq, this.#confirmedThrough + 1) };
  }

  /** Lets go of all that it holds. */
  drop(): void {
    this.#held.shrink(0, 0);
  }

  /** Gives back what is beyond its share; it will be read again. */
  shrink(): void {
    if (!this.#stuck) return;
    const dropped = this.#held.shrink(this.#parts.memory.share, this.#inFlight);
    if (dropped !== null) this.behind = positionOf(dropped);
  }

  get #fillsBatch(): boolean {
    const { count, bytes } = this.#held;
    return count >= this.#batchSize.records || bytes >= this.#parts.limits.batchBytes;
  }

  #confirmed(sent: number, bytes: number): void {
    this.#held.ended();
    const { journalseq, onlyOfBridge } = this.#held.removeOldest(this.#inFlight);
    this.#confirmedThrough = journalseq;
    this.#inFlight = 0;
    this.#state = "idle";
    this.#stuck = false;
    this.#retry.reset();
    this.#tryingSinceMs = null;
    this.#batchSize.confirmed();
    this.#cancelStuck?.();
    this.#cancelStuck = null;
    this.#parts.watcher.confirmed(this, sent, bytes, onlyOfBridge);
    this.go();
  }

  #failed(error: SluiceError): void {
    const count = this.#inFlight;
    this.#inFlight = 0;
    this.#held.ended();
    if (error.code === "kafka_rejected") {
      const next = this.#batchSize.rejected(count);
      if (next === "half") {
        this.#state = "idle";
        this.go();
        return;
      }
      if (next === "never") {
        this.#bury(error);
        return;
      }
    }
    this.#state = "waiting";
    this.shrink();
    this.#retry.failed();
    this.#parts.watcher.failed(this, error);
  }

  #again(): void {
    this.#state = "idle";
    if (this.#held.empty) this.#parts.watcher.changed(this);
    this.go();
  }

  /** The oldest record goes to the dead letters. */
  #bury(error: SluiceError): void {
    this.#inFlight = 1;
    const record = this.#held.oldest!;
    this.#ending = this.#parts.deadLetters.bury(record, this, error).then(
      () => this.#confirmed(0, 0),
      (thrown) => this.#failed(errorOf(thrown)),
    );
  }

  #becomeStuck(): void {
    this.#stuck = true;
    this.shrink();
    this.#parts.watcher.changed(this);
  }
}

function errorOf(thrown: unknown): SluiceError {
  if (thrown instanceof SluiceError) return thrown;
  return new SluiceError("kafka_unavailable", String(thrown), { retryable: true, cause: thrown });
}
