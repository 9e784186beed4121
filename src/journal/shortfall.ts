/**
 * What is told while records cannot be written: to callers, to the log, and to the gap file.
 *
 *   none ──enter──▶ failing ──leave──▶ owing: some that failed their callers are not durable yet ──▶ none
 *                      ▲                 │
 *                      └──────enter──────┘
 *
 * Guarantee: before a caller hears that its record is not durable, the gap file says from which number on records
 * may be lost, so that kill -9 is named too. (A disk that hangs gets 200 ms for that.)
 */
import type { Clock } from "../clock.ts";
import { textOf } from "../errors.ts";
import type { GapFile, GapNote, OpenGap } from "./gap-file.ts";
import type { Kept, Loss } from "./journal.ts";
import type { Log } from "./log.ts";
import type { Losses } from "./losses.ts";
import type { Numbering } from "./numbering.ts";
import type { Queue } from "./queue.ts";

export type Failure = Exclude<Extract<Kept, { ok: false }>["failure"], "journal_closed">;

export const lossCauses = {
  journal_full: "journal_full",
  journal_io: "journal_io",
  journal_slow: "journal_io",
} as const satisfies Record<Failure, Loss["cause"]>;

const gapFileMs = 200;
/** Numbers that may be given while failing before the gap file is written again. */
const ceilingStep = 100_000;

export interface ShortfallParts {
  readonly epoch: string;
  readonly gap: GapFile;
  readonly losses: Losses;
  readonly numbering: Numbering;
  readonly queue: Queue;
  readonly clock: Clock;
  readonly log: Log;
}

export class Shortfall {
  failure: Failure | null = null;
  /** What appends get while failing: for a record that waits in memory, and for one that was dropped. */
  queued: Promise<Kept> | null = null;
  dropped: Promise<Kept> | null = null;
  readonly #parts: ShortfallParts;
  /** What failed its callers and was queued has no number above this one. */
  #owedTo = 0;
  #ceiling = 0;
  #final = false;

  constructor(parts: ShortfallParts) {
    this.#parts = parts;
  }

  /** Neither failing nor owing. */
  get over(): boolean {
    return this.failure === null && this.#owedTo === 0;
  }

  /** The one way into failing, and from one failure to another. */
  enter(failure: Failure, thrown?: unknown): void {
    if (this.failure === failure || this.#final) return;
    this.#parts.log.error({ failure, problem: textOf(thrown ?? failure) }, "journal: records wait in memory");
    this.failure = failure;
    const told = this.save();
    this.queued = told.then(() => ({ ok: false, failure, queued: true }));
    this.dropped = told.then(() => ({ ok: false, failure, queued: false }));
    this.#parts.queue.settleAll(this.queued);
  }

  /** The one way out of it: all that waited when the last write began has been written. */
  leave(): void {
    const { log, losses, numbering, queue } = this.#parts;
    losses.closeRun();
    log.info({ was: this.failure, lostRecords: losses.records }, "journal: records are written again");
    this.failure = this.queued = this.dropped = null;
    // What came during that write was told that it waits; what comes now gets a promise of its own.
    queue.closeOpen();
    this.#owedTo = numbering.journalseq;
  }

  /** To be called when records have become durable. */
  settle(): void {
    const waiting = this.#parts.queue.first?.first ?? Number.POSITIVE_INFINITY;
    if (this.#owedTo === 0 || waiting <= this.#owedTo) return;
    this.#owedTo = 0;
    void this.save();
  }

  /** To be called for each number given while failing. */
  numbered(): void {
    if (this.#parts.numbering.journalseq > this.#ceiling - ceilingStep / 2) void this.save();
  }

  /** No number will be given any more, and nothing be written: what waits is lost. */
  async finish(): Promise<void> {
    this.#final = true;
    await this.save();
  }

  /** Brings the gap file to what is so now. Resolves also when that fails or takes too long. */
  save(): Promise<void> {
    const { gap, clock, log } = this.#parts;
    const note = this.#note();
    return new Promise((resolve) => {
      const cancel = clock.after(gapFileMs, resolve);
      gap
        .save(note)
        .catch((thrown: unknown) => {
          log.error({ problem: textOf(thrown), note }, "journal: the gap file cannot be written");
        })
        .finally(() => {
          cancel();
          resolve();
        });
    });
  }

  #note(): GapNote | null {
    const { epoch, losses, numbering, queue } = this.#parts;
    const { pending } = losses;
    const given = numbering.journalseq;
    const waits = this.#final ? queue.first !== undefined : !this.over;
    if (!waits) return pending.length === 0 ? null : { epoch, losses: pending, open: null, taken: given };
    this.#ceiling = this.#final ? given : given + ceilingStep;
    const open: OpenGap = {
      cause: lossCauses[this.failure ?? "journal_slow"],
      journalseq: { first: queue.first?.first ?? given + 1, last: this.#final ? given : null },
      topics: numbering.notDurable(this.#final ? "given" : "unknown"),
    };
    return { epoch, losses: pending, open, taken: this.#ceiling };
  }
}
