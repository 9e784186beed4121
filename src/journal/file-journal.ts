/**
 * The journal on disk: numbers each record at once, encodes it at once, resolves when it is durable.
 *
 *   open ──▶ writing ⇄ failing (shortfall.ts)        append ──▶ queue ──▶ writer ──▶ segment store ──▶ disk
 *               └────┬────┘
 *                  close ──▶ closing ──▶ closed
 *
 * Guarantees
 * - `ok` means durable (sync = fsync) or with the kernel (sync = write).
 * - While failing, an append resolves at once as not ok. Its record waits in memory, up to queueBytes; beyond that
 *   records are dropped until all that waits has been written, so that what is lost is one span of numbers.
 * - What was dropped, damaged, or killed with an earlier epoch is announced until an announcement is durable.
 * - Numbers are given in the order of the file, and never twice to anything that a consumer can have seen.
 */
import { systemClock } from "../clock.ts";
import { SluiceError, textOf } from "../errors.ts";
import { type Stream, streamNames } from "../events/streams.ts";
import { Announcer } from "./announcer.ts";
import { Backlog } from "./backlog.ts";
import { loadCursor } from "./cursor.ts";
import { nodeFiles } from "./files.ts";
import { GapFile } from "./gap-file.ts";
import type { Journal, JournalStats, Kept, Loss, PreviousEpoch, Stamp } from "./journal.ts";
import { lineBytes, maxLineBytes, mostLineBytes } from "./line.ts";
import { Losses } from "./losses.ts";
import { Numbering } from "./numbering.ts";
import type { FileJournalOptions } from "./options.ts";
import { Queue } from "./queue.ts";
import { type Recovered, recover } from "./recovery.ts";
import { formatVersion, journalFolder, type SegmentHeader } from "./segment.ts";
import { SegmentStore } from "./segment-store.ts";
import { lossCauses, Shortfall } from "./shortfall.ts";
import { Writer } from "./writer.ts";

export interface OpenedJournal {
  readonly journal: FileJournal;
  readonly previous: PreviousEpoch | null;
  /** Found on opening; the journal itself announces them, behind the first record of this epoch. */
  readonly losses: readonly Loss[];
}

const defaults = { clock: systemClock, files: nodeFiles, queueBytes: 64 * 1024 * 1024, slowMs: 750 };
const sweepEveryMs = 60_000;
/** Room for it is made without a count of its bytes: a small part of a batch. */
const shortLineBytes = 8 * 1024;
/** A disk that hangs keeps its files open; nobody waits longer than this for closing them. */
const releaseMs = 200;
const closedKept = Promise.resolve<Kept>({ ok: false, failure: "journal_closed", queued: false });

export class FileJournal implements Journal {
  readonly epoch: string;
  readonly durable = new SharedArrayBuffer(8);
  readonly #durableView = new BigInt64Array(this.durable);
  readonly #options: Required<FileJournalOptions>;
  readonly #numbering: Numbering;
  readonly #queue = new Queue();
  readonly #store: SegmentStore;
  readonly #losses: Losses;
  readonly #gap: GapFile;
  readonly #shortfall: Shortfall;
  readonly #writer: Writer;
  readonly #announcer: Announcer;
  readonly #damagedRecords: number;
  /** Null where nobody acknowledges. */
  readonly #backlog: Backlog | null;
  /** The last durable record. */
  #last: number;
  /** Since the queue was full, until all of it has been written. */
  #dropping = false;
  #closing: Promise<void> | null = null;
  #cancelSweep: () => void = () => {};

  /** @throws SluiceError data_dir_unusable, journal_damaged */
  static async open(options: FileJournalOptions): Promise<OpenedJournal> {
    const whole = { ...defaults, ...options };
    const { dir, instance, files, log } = whole;
    const folder = journalFolder(dir);
    try {
      await files.makeFolder(folder);
      await files.syncFolder(dir);
      const { cursor, reason } = await loadCursor(dir, instance, files);
      if (reason) log.warn({ reason }, "journal: no cursor, forwarding starts from the oldest record");
      const gap = await GapFile.open(files, folder);
      const found = await recover({ files, dir, instance, cursor, gap: gap.found, log }).catch(
        async (thrown) => {
          await gap.file.close();
          throw thrown;
        },
      );
      const journal = new FileJournal(whole, found, gap.file, cursor?.journalseq ?? 0);
      await journal.#shortfall.save();
      return { journal, previous: found.previous, losses: found.losses };
    } catch (thrown) {
      if (thrown instanceof SluiceError) throw thrown;
      const text = `data.dir (SLUICE_DATA_DIR) holds a journal in ${folder} that cannot be opened: ${textOf(thrown)}`;
      throw new SluiceError("data_dir_unusable", text, { cause: thrown });
    }
  }

  private constructor(
    options: Required<FileJournalOptions>,
    found: Recovered,
    gap: GapFile,
    acknowledged: number,
  ) {
    const { epoch, clock, log, sync, slowMs, announce, dir, topicOf } = options;
    this.#options = options;
    this.epoch = epoch;
    this.#gap = gap;
    this.#damagedRecords = found.damagedRecords;
    this.#last = found.lastOnDisk;
    Atomics.store(this.#durableView, 0, BigInt(this.#last));
    const numbering = new Numbering(found.taken, streamNames, topicOf);
    const losses = new Losses(epoch, found.losses);
    const queue = this.#queue;
    const shortfall = new Shortfall({ epoch, gap, losses, numbering, queue, clock, log });
    const folder = journalFolder(dir);
    this.#numbering = numbering;
    this.#losses = losses;
    this.#shortfall = shortfall;
    this.#store = new SegmentStore({ ...options, folder }, found.sealed, this.#last, acknowledged);
    this.#backlog = options.forwarding ? new Backlog(clock, this.#last, acknowledged) : null;
    this.#announcer = new Announcer({ losses, shortfall, announce, clock, log });
    this.#writer = new Writer({
      queue,
      store: this.#store,
      shortfall,
      clock,
      sync,
      slowMs,
      header: (first) => this.#header(first),
      onDurable: (last) => this.#publish(last),
      onCommitted: () => this.#committed(),
    });
    this.#sweepLater();
  }

  get failing(): boolean {
    return this.#shortfall.failure !== null;
  }

  append(stream: Stream, key: string, render: (stamp: Stamp) => string): Promise<Kept> {
    if (this.#closing) return closedKept;
    const journalseq = this.#numbering.journalseq + 1;
    const sequence = this.#numbering.countOf(stream).given + 1;
    if (this.#dropping) return this.#drop(stream);
    const event = render({ sequence, journalseq });
    const keyJson = JSON.stringify(key);
    const { queueBytes } = this.#options;
    let bytes = mostLineBytes(stream, keyJson, event);
    // To count exactly takes longer than to write: only where it matters.
    if (bytes > shortLineBytes || this.#queue.bytes + bytes > queueBytes)
      bytes = lineBytes(stream, keyJson, event);
    if (bytes > Math.min(maxLineBytes, queueBytes)) return this.#dropTooLong(stream, bytes);
    if (this.#queue.bytes + bytes > queueBytes) return this.#drop(stream);
    const count = this.#numbering.take(stream);
    const kept = this.#queue.add(count, sequence, journalseq, stream, keyJson, event, bytes);
    if (this.#shortfall.queued) {
      this.#shortfall.numbered();
      return this.#shortfall.queued;
    }
    this.#writer.kick();
    return kept;
  }

  acknowledged(journalseq: number): void {
    this.#store.acknowledged = Math.max(this.#store.acknowledged, journalseq);
    this.#backlog?.acknowledged(journalseq);
    if (this.#shortfall.failure === "journal_full") this.#writer.kick();
  }

  covered(journalseq: number): void {
    this.#store.covered = journalseq;
  }

  sequences(): Readonly<Record<string, number>> {
    return this.#numbering.givenSequences();
  }

  stats(): JournalStats {
    return {
      bytes: this.#store.bytes,
      maxBytes: this.#options.maxBytes,
      segments: this.#store.segments,
      lastJournalseq: this.#numbering.journalseq,
      durableJournalseq: this.#last,
      acknowledgedJournalseq: this.#store.acknowledged,
      unacknowledgedBytes: this.#store.unacknowledgedBytes,
      oldestUnacknowledgedMs: this.#backlog?.ageMs ?? 0,
      failing: this.failing,
      queuedBytes: this.#queue.bytes,
      lostRecords: this.#losses.records,
      damagedRecords: this.#damagedRecords,
      syncs: this.#writer.syncs,
    };
  }

  close(deadlineMs: number): Promise<void> {
    this.#closing ??= this.#close(deadlineMs);
    return this.#closing;
  }

  /** The record takes its numbers and goes. */
  #drop(stream: Stream): Promise<Kept> {
    this.#dropping = true;
    if (!this.#shortfall.failure) this.#shortfall.enter("journal_slow");
    const count = this.#numbering.take(stream);
    this.#losses.drop(lossCauses[this.#shortfall.failure!], this.#numbering.journalseq, count, count.given);
    this.#shortfall.numbered();
    return this.#shortfall.dropped!;
  }

  async #dropTooLong(stream: Stream, bytes: number): Promise<Kept> {
    const count = this.#numbering.take(stream);
    const { journalseq } = this.#numbering;
    this.#losses.drop("journal_io", journalseq, count, count.given);
    this.#losses.closeRun();
    this.#options.log.error({ journalseq, bytes }, "journal: a record is too long to be kept");
    await this.#shortfall.save();
    void this.#announcer.announce();
    return { ok: false, failure: "journal_io", queued: false };
  }

  #publish(last: number): void {
    this.#last = last;
    this.#backlog?.durable(last);
    Atomics.store(this.#durableView, 0, BigInt(last));
    Atomics.notify(this.#durableView, 0);
  }

  #committed(): void {
    if (!this.#shortfall.failure) this.#dropping = false;
    void this.#announcer.announce();
  }

  #header(first: number): SegmentHeader {
    const { instance, epoch } = this.#options;
    const { topics } = this.#numbering;
    const sequences = this.#numbering.durableSequences();
    return { version: formatVersion, instance, epoch, first, previous: this.#last, topics, sequences };
  }

  #sweepLater(): void {
    this.#cancelSweep = this.#options.clock.after(sweepEveryMs, () => {
      void this.#store.sweep();
      this.#sweepLater();
    });
  }

  async #close(deadlineMs: number): Promise<void> {
    this.#cancelSweep();
    this.#announcer.stop();
    // The clock's timers let a process end that has nothing else to do, and this one has.
    const alive = setInterval(() => {}, deadlineMs + 1000);
    await this.#writer.finish(deadlineMs);
    await this.#shortfall.finish();
    if (!this.#queue.empty) {
      const failure = this.#shortfall.failure ?? "journal_slow";
      this.#queue.settleAll({ ok: false, failure, queued: false });
      const lost = this.#queue.giveUp();
      this.#options.log.error({ lost, failure }, "journal: closed with records that could not be written");
    }
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.after(releaseMs, resolve);
      void Promise.allSettled([this.#store.close(), this.#gap.close()]).then(() => {
        cancel();
        resolve();
      });
    });
    clearInterval(alive);
  }
}
