/**
 * The loop that brings the queue to disk: all that waits is one write and one sync.
 *
 *   idle ──kick──▶ writing ──▶ syncing ──▶ more waits? ──no──▶ idle
 *                     ▲           │            │ yes
 *                     └───────────┼────────────┘
 *                                 └─ or the write: fails ──▶ shortfall; kicked again after 100 ms … 1 s
 *
 * Guarantee: one write or sync at a time, in the order of numbers; `durable` moves only with a sync. With
 * sync = write the callers do not wait for the sync, which comes 100 ms later at most; a write that falls into it
 * does, so one in ten or so takes as long as the disk does.
 */
import type { Clock } from "../clock.ts";
import { SluiceError } from "../errors.ts";
import type { Batch } from "./batch.ts";
import type { Queue } from "./queue.ts";
import type { SegmentHeader } from "./segment.ts";
import { isNoRoom } from "./segment-file.ts";
import type { SegmentStore } from "./segment-store.ts";
import type { Failure, Shortfall } from "./shortfall.ts";

/** What one write takes at most, so that a long queue spreads over segments and does not look slow. */
const groupBytes = 4 * 1024 * 1024;
const unsyncedLimitBytes = 16 * 1024 * 1024;
const syncEveryMs = 100;
const retryFirstMs = 100;
const retryLastMs = 1000;

export interface WriterParts {
  readonly queue: Queue;
  readonly store: SegmentStore;
  readonly shortfall: Shortfall;
  readonly clock: Clock;
  readonly sync: "fsync" | "write";
  readonly slowMs: number;
  /** The header of a segment that begins with this number. */
  readonly header: (first: number) => SegmentHeader;
  /** All up to this journalseq is on disk. */
  readonly onDurable: (last: number) => void;
  /** A write was done, and a sync where one was due. */
  readonly onCommitted: () => void;
}

export class Writer {
  syncs = 0;
  readonly #parts: WriterParts;
  #busy = false;
  #stopped = false;
  /** Whether the next write is followed by a sync in any case. */
  #syncDue = false;
  #stopWatching = (): void => {};
  #draining: (() => void) | null = null;
  #retryMs = retryFirstMs;
  /** Less where the disk has no room for all that waits: some of it may fit, be confirmed, and make room. */
  #groupBytes = groupBytes;
  #cancelRetry: (() => void) | null = null;
  #cancelSync: (() => void) | null = null;

  constructor(parts: WriterParts) {
    this.#parts = parts;
  }

  /** Begins to write, once all that this turn of the event loop brings has been queued. */
  kick(): void {
    if (this.#busy) return;
    this.#busy = true;
    setImmediate(() => void this.#run());
  }

  /** Brings all to disk, or as much as it can within `deadlineMs`; then stops for good. */
  async finish(deadlineMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#parts.clock.after(deadlineMs, resolve);
      this.#draining = () => {
        if (!this.#parts.queue.empty) return;
        cancel();
        resolve();
      };
      this.#syncDue = true;
      this.kick();
    });
    this.#stopped = true;
    this.#cancelRetry?.();
    this.#cancelSync?.();
  }

  async #run(): Promise<void> {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    try {
      while (this.#mustCommit()) await this.#commit();
      this.#retryMs = retryFirstMs;
    } catch (thrown) {
      this.#parts.shortfall.enter(failureOf(thrown), thrown);
      this.#retryLater();
    }
    this.#busy = false;
    this.#draining?.();
  }

  #mustCommit(): boolean {
    const { queue } = this.#parts;
    return !this.#stopped && (queue.waiting || (queue.unsynced && this.#syncDue));
  }

  async #commit(): Promise<void> {
    const { queue, shortfall, sync } = this.#parts;
    const group = queue.peek(this.#groupBytes);
    const isAll = queue.isAll(group);
    this.#watch();
    try {
      if (group.length > 0) await this.#write(group);
      if (sync === "fsync" || this.#syncDue || this.#draining || shortfall.failure) await this.#sync();
      else this.#syncLater(group);
    } catch (thrown) {
      if (!this.#parts.store.trusted) queue.unwrite();
      if (!this.#mayFitInParts(group, thrown)) throw thrown;
      shortfall.enter(failureOf(thrown), thrown);
      return;
    } finally {
      this.#stopWatching();
    }
    this.#groupBytes = Math.min(this.#groupBytes * 2, groupBytes);
    if (isAll && shortfall.failure) shortfall.leave();
    shortfall.settle();
    this.#parts.onCommitted();
  }

  /** Where there was no room for a group, half of it is tried next. */
  #mayFitInParts(group: readonly Batch[], thrown: unknown): boolean {
    if (group.length < 2 || failureOf(thrown) !== "journal_full") return false;
    this.#groupBytes = bytesOf(group) / 2;
    return true;
  }

  /** Fails those who wait once this write takes too long. */
  #watch(): void {
    const { clock, shortfall, slowMs } = this.#parts;
    let over = false;
    // When it was this process that stood still, the disk may have answered: that is heard before the immediate.
    const late = (): void => void setImmediate(() => over || shortfall.enter("journal_slow"));
    const cancel = clock.after(slowMs, late);
    this.#stopWatching = () => {
      over = true;
      cancel();
    };
  }

  async #write(group: readonly Batch[]): Promise<void> {
    const { queue, store, header } = this.#parts;
    const bytes = bytesOf(group);
    // A segment's header says what is durable before it.
    if (queue.unsynced && store.mustRoll(bytes)) await this.#sync();
    const contents = group.map((batch) => batch.content());
    await store.write(contents, bytes, () => header(group[0]!.first));
    queue.wrote(group);
  }

  async #sync(): Promise<void> {
    const { queue, store, onDurable } = this.#parts;
    this.#cancelSync?.();
    this.#cancelSync = null;
    this.#syncDue = false;
    await store.sync(queue.lastWritten);
    // Before anybody hears of it: whoever does may move the clock.
    this.#stopWatching();
    this.syncs++;
    const last = queue.durable();
    if (last) onDurable(last.last);
  }

  /** For sync = write: those who wait need not wait for the sync. */
  #syncLater(group: readonly Batch[]): void {
    for (const batch of group) batch.settle({ ok: true });
    if (this.#parts.queue.unsyncedBytes > unsyncedLimitBytes) this.#syncDue = true;
    this.#cancelSync ??= this.#parts.clock.after(syncEveryMs, () => {
      this.#syncDue = true;
      this.kick();
    });
  }

  #retryLater(): void {
    if (this.#stopped) return;
    this.#cancelRetry = this.#parts.clock.after(this.#retryMs, () => this.kick());
    this.#retryMs = Math.min(this.#retryMs * 2, retryLastMs);
  }
}

function bytesOf(group: readonly Batch[]): number {
  return group.reduce((sum, { bytes }) => sum + bytes, 0);
}

function failureOf(thrown: unknown): Failure {
  const full = isNoRoom(thrown) || (thrown instanceof SluiceError && thrown.code === "journal_full");
  return full ? "journal_full" : "journal_io";
}
