/**
 * The row of segments: the last one is written, those before it are kept as long as the settings say.
 *
 *   (none) ──write──▶ current ──full, old or doubtful──▶ sealed ──retention──▶ gone
 *
 * Guarantees: with forwarding, no segment goes before every record of it is acknowledged; without, the oldest goes
 * when room is needed. Either way the segments together stay within maxBytes.
 */
import type { Clock } from "../clock.ts";
import { SluiceError, textOf } from "../errors.ts";
import type { Files } from "./files.ts";
import type { Log } from "./log.ts";
import { renderHeader, type SegmentHeader } from "./segment.ts";
import { isNoRoom, SegmentFile } from "./segment-file.ts";

export interface Sealed {
  readonly path: string;
  /** No record in it is above this, but for repeated ones. */
  readonly last: number;
  readonly bytes: number;
  readonly sealedMs: number;
}

export interface StoreOptions {
  readonly files: Files;
  readonly folder: string;
  readonly segmentBytes: number;
  readonly maxBytes: number;
  readonly keepMs: number;
  readonly forwarding: boolean;
  readonly sync: "fsync" | "write";
  readonly clock: Clock;
  readonly log: Log;
}

export class SegmentStore {
  acknowledged: number;
  /** What lies behind this is kept beyond keepMs, but gives way when room is needed. */
  covered = Number.POSITIVE_INFINITY;
  readonly #options: StoreOptions;
  /** Small enough that a journal of maxBytes has a few segments to give up. */
  readonly #segmentBytes: number;
  #sealed: Sealed[];
  #sealedBytes: number;
  #current: SegmentFile | null = null;
  /** The last durable record. */
  #last: number;

  constructor(options: StoreOptions, sealed: readonly Sealed[], last: number, acknowledged: number) {
    this.#options = options;
    this.#segmentBytes = Math.min(options.segmentBytes, Math.ceil(options.maxBytes / 4));
    this.#sealed = [...sealed];
    this.#sealedBytes = sealed.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#last = last;
    this.acknowledged = acknowledged;
  }

  get bytes(): number {
    return this.#sealedBytes + (this.#current?.size ?? 0);
  }

  /** Of what has to stay until it is acknowledged, by whole segments. */
  get unacknowledgedBytes(): number {
    if (!this.#options.forwarding || this.#last <= this.acknowledged) return 0;
    const waiting = this.#sealed.filter(({ last }) => last > this.acknowledged);
    return waiting.reduce((sum, { bytes }) => sum + bytes, this.#current?.size ?? 0);
  }

  get segments(): number {
    return this.#sealed.length + (this.#current ? 1 : 0);
  }

  /** False when what was written and not synced has to be written again. */
  get trusted(): boolean {
    return this.#current?.trusted ?? true;
  }

  /** Whether `bytes` more begin a new segment: then all before it has to be synced first. */
  mustRoll(bytes: number): boolean {
    const current = this.#current;
    if (!current?.trusted) return true;
    if (!current.hasRecords) return false;
    const { forwarding, keepMs, clock } = this.#options;
    const old = forwarding && clock.now() - current.createdMs > keepMs;
    return old || current.size + bytes > this.#segmentBytes;
  }

  /**
   * Writes whole lines behind the last, in a new segment where one is due.
   * @param header of the segment that these lines would be the first of
   * @throws SluiceError journal_full, or what the system said
   */
  async write(buffers: readonly Buffer[], bytes: number, header: () => SegmentHeader): Promise<void> {
    const head = this.mustRoll(bytes) ? header() : null;
    const need = bytes + (head ? renderHeader(head).length : 0);
    while (this.bytes + need > this.#options.maxBytes) {
      if (!(await this.#dropOldest())) throw full(this.#options.maxBytes);
    }
    for (;;) {
      try {
        if (head && this.mustRoll(bytes)) await this.#roll(head);
        return await this.#current!.write(buffers, bytes);
      } catch (thrown) {
        // A disk that is full below maxBytes: what is only kept for convenience makes room.
        if (!isNoRoom(thrown) || !this.trusted || !(await this.#dropOldest())) throw thrown;
      }
    }
  }

  /** @param last the last record that was written */
  async sync(last: number): Promise<void> {
    await this.#current?.sync();
    this.#last = last;
  }

  /** Removes what was acknowledged and has been kept long enough. */
  async sweep(): Promise<void> {
    const { forwarding, keepMs, clock, log } = this.#options;
    const untilMs = clock.now() - keepMs;
    let removed = 0;
    for (
      let [oldest] = this.#sealed;
      forwarding && oldest && oldest.sealedMs <= untilMs;
      [oldest] = this.#sealed
    ) {
      if (oldest.last > this.covered || !(await this.#dropOldest())) break;
      removed++;
    }
    if (removed > 0) log.info({ removed, bytes: this.bytes }, "journal: old segments are removed");
  }

  async close(): Promise<void> {
    await this.#current?.close();
  }

  async #roll(header: SegmentHeader): Promise<void> {
    const { files, folder, clock, sync } = this.#options;
    const before = this.#current;
    if (before?.trusted) await before.close();
    else await before?.abandon();
    // Without a durable record nothing of it counts, and the next one takes its name.
    if (before?.hasDurableRecords) this.#seal(before);
    this.#current = null;
    this.#current = await SegmentFile.create(files, folder, header, clock.now(), sync === "fsync");
  }

  #seal(segment: SegmentFile): void {
    const { path, size } = segment;
    this.#sealed.push({ path, last: this.#last, bytes: size, sealedMs: this.#options.clock.now() });
    this.#sealedBytes += size;
  }

  /** False when there is none that may go. */
  async #dropOldest(): Promise<boolean> {
    const { files, forwarding, log } = this.#options;
    const oldest = this.#sealed[0];
    if (!oldest || (forwarding && oldest.last > this.acknowledged)) return false;
    this.#sealed.shift();
    this.#sealedBytes -= oldest.bytes;
    try {
      await files.remove(oldest.path);
      return true;
    } catch (thrown) {
      log.warn(
        { segment: oldest.path, problem: textOf(thrown) },
        "journal: an old segment could not be removed",
      );
      this.#sealed.unshift(oldest);
      this.#sealedBytes += oldest.bytes;
      return false;
    }
  }
}

function full(maxBytes: number): SluiceError {
  return new SluiceError(
    "journal_full",
    `the journal has reached journal.maxBytes (${maxBytes}) with records that Kafka has not confirmed`,
    { retryable: true },
  );
}
