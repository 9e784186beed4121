/**
 * Reads records in the order of their numbers, over all segments, while the journal is being written. Needs no
 * lock; runs in the forwarder's thread and in `sluice tail`.
 *
 *   at rest ──next()──▶ in a segment ──its end, and a later one exists──▶ in the next segment
 *      ▲                    │ nothing more below `upTo`
 *      └────────────────────┘
 *
 * Guarantees: each record that is on disk is given once, in order; numbers that should be here and are not are
 * given as `damaged` in their place. After a failed sync the writer repeats records in a new segment, as the same
 * bytes, so a number that was given already is passed over. A segment that goes away while it is read is read to
 * its end; what went before it could be read is given as `damaged`.
 * Memory: one chunk of 256 KiB, or one line if that is longer, and what the caller asked for.
 */

import type { Stream } from "../events/streams.ts";
import { absentAs, type Files, nodeFiles } from "./files.ts";
import { journalseqOf, parseLine } from "./line.ts";
import type { JournalRecord } from "./record.ts";
import { SegmentScan } from "./scan.ts";
import { journalFolder, listSegments, parseHeader, type SegmentHeader, type SegmentName } from "./segment.ts";
import { type Damage, survey } from "./survey.ts";

interface Position {
  /** Path of the segment. */
  readonly segment: string;
  readonly offset: number;
}

export type ReadItem =
  | { readonly record: JournalRecord; readonly position: Position }
  | { readonly damaged: Damage };

export interface ReaderOptions {
  /** The data directory. */
  readonly dir: string;
  /**
   * The first journalseq wanted. Above 1 it is one that must be there: if the oldest record kept is above it, what
   * lies between is given as `damaged`. `oldest`, or 1, is for whatever is kept.
   */
  readonly from: number | "oldest";
  readonly files?: Files;
}

/** Never rejects for an empty or absent journal: the first records are given once they are there. */
export async function openReader(options: ReaderOptions): Promise<JournalReader> {
  return new JournalReader(options);
}

export class JournalReader {
  readonly #files: Files;
  readonly #folder: string;
  /** Records below this are not wanted. */
  readonly #from: number;
  /** The last number that was passed; null before the first line. */
  #last: number | null = null;
  #segment: SegmentName | null = null;
  #inode = 0;
  #scan: SegmentScan | null = null;
  /** The header of the segment that is read; null until it has been met, or when it is damaged. */
  #header: SegmentHeader | null = null;
  /** The segment that was read before this one, and its epoch. */
  #before: { segment: SegmentName; epoch: string } | null = null;
  /** The line found last lies above `upTo` and waits for the next call. */
  #held = false;
  /** Whether something that is no line stood since the last record. */
  #sawGarbage = false;

  constructor(options: ReaderOptions) {
    this.#files = options.files ?? nodeFiles;
    this.#folder = journalFolder(options.dir);
    // Nobody misses what was there before the first start of whoever asks for all.
    this.#from = options.from === "oldest" || options.from <= 1 ? 0 : options.from;
  }

  /**
   * The next items; none when nothing more is there for now.
   * @param maxBytes stops when the items together have this many bytes; one longer record is given alone
   * @param upTo no record above this journalseq; the writer's durable position, or Infinity in another process
   * @throws SluiceError journal_damaged at a segment of an unknown format
   */
  async next(maxBytes: number, upTo: number): Promise<ReadItem[]> {
    const items: ReadItem[] = [];
    let bytes = 0;
    // Whoever reads along is nearly always at the end: nothing is looked for behind the last that there can be.
    while (bytes < maxBytes && (this.#last ?? Number.NEGATIVE_INFINITY) < upTo) {
      if (!this.#scan && !(await this.#enter(upTo))) break;
      const scan = this.#scan!;
      if (this.#held || scan.take()) {
        this.#held = journalseqOf(scan.bytes, scan.start) > upTo;
        if (this.#held) break;
        const passed = this.#pass(scan, items);
        // Most lines need no look at another file, and a promise for each would show.
        bytes += typeof passed === "number" ? passed : await passed;
      } else if (!(await scan.more()) && !(await this.#leave(scan))) break;
    }
    return items;
  }

  async close(): Promise<void> {
    await this.#scan?.file.close();
    this.#scan = null;
  }

  /** Takes what the line says; returns its bytes if it was given. */
  #pass(scan: SegmentScan, items: ReadItem[]): number | Promise<number> {
    if (scan.offset === 0) {
      return this.#join(parseHeader(parseLine(scan.bytes, 0, scan.end).event, this.#segment!.path), items);
    }
    if (scan.garbage) this.#sawGarbage = true;
    this.#last ??= Math.max(this.#segment!.first, this.#from) - 1;
    const journalseq = journalseqOf(scan.bytes, scan.start);
    if (journalseq <= this.#last) return 0;
    if (!this.#sawGarbage) return this.#give(scan, journalseq, items);
    this.#sawGarbage = false;
    return this.#missing(this.#last + 1, journalseq - 1, null, items).then(() =>
      this.#give(scan, journalseq, items),
    );
  }

  #give(scan: SegmentScan, journalseq: number, items: ReadItem[]): number {
    this.#last = journalseq;
    if (journalseq < this.#from) return 0;
    const { sequence, stream, key, event } = parseLine(scan.bytes, scan.start, scan.end);
    const epoch = this.#header?.epoch ?? "";
    items.push({
      record: { journalseq, sequence, epoch, stream: stream as Stream, key, event },
      position: { segment: this.#segment!.path, offset: scan.offset },
    });
    return scan.end - scan.start;
  }

  /** Compares what was read so far with what this segment says was written before it. */
  async #join(header: SegmentHeader, items: ReadItem[]): Promise<number> {
    const { previous } = header;
    this.#header = header;
    this.#last ??= this.#from > 0 ? Math.min(this.#from, header.first) - 1 : previous;
    await this.#missing(Math.max(this.#last + 1, this.#from), previous, header, items);
    // A new epoch may give a number again that was written but never durable in the one before.
    const goesOn = header.epoch === this.#before?.epoch;
    this.#last = goesOn ? Math.max(this.#last, previous) : previous;
    this.#sawGarbage = false;
    return 0;
  }

  /** Opens the first segment that is wanted. False when there is none yet. */
  async #enter(upTo: number): Promise<boolean> {
    const { segments } = await listSegments(this.#files, this.#folder);
    const wanted = Math.max(this.#from, (this.#last ?? -1) + 1);
    const at = segments.findLastIndex((segment) => segment.first <= wanted);
    const segment = segments[Math.max(at, 0)];
    return segment !== undefined && segment.first <= upTo && this.#open(segment);
  }

  /** At the end of a segment: goes on to the one that follows. False when there is nothing to go on to. */
  async #leave(scan: SegmentScan): Promise<boolean> {
    const current = this.#segment!;
    const { segments } = await listSegments(this.#files, this.#folder);
    const next = segments.find((segment) => segment.first > current.first);
    if (!next) return this.#replaced(current);
    // The writer may have gone on in this segment between our last read and the start of the next one.
    if (await scan.more()) return true;
    if (scan.rest().span.bytes > 0) this.#sawGarbage = true;
    this.#last ??= Math.max(current.first, this.#from) - 1;
    return this.#open(next);
  }

  /** A segment in which nothing was durable yet may be thrown away and begun again under its name. */
  async #replaced(current: SegmentName): Promise<boolean> {
    const there = await this.#files.stat(current.path);
    if (there?.inode === this.#inode) return false;
    if (there) return this.#open(current);
    await this.close();
    return false;
  }

  /** False when the segment went away in the meantime. */
  async #open(segment: SegmentName): Promise<boolean> {
    await this.close();
    const file = await absentAs(null, this.#files.open(segment.path, "r"));
    if (!file) return false;
    this.#inode = (await file.stat()).inode;
    this.#scan = new SegmentScan(file);
    this.#before = this.#segment && { segment: this.#segment, epoch: this.#header?.epoch ?? "" };
    this.#segment = segment;
    this.#header = null;
    return true;
  }

  /**
   * Names numbers that should have come before this line and did not. A look over the whole segment tells of
   * which topics they were; that is slow, and rare.
   * @param after the header that says so, when they belong to the segment before this one
   */
  async #missing(first: number, last: number, after: SegmentHeader | null, items: ReadItem[]): Promise<void> {
    if (last < first) return;
    const segment = after ? this.#before?.segment : this.#segment;
    const file = segment && (await absentAs(null, this.#files.open(segment.path, "r")));
    const found = file && (await survey(file, segment, after).finally(() => file.close()));
    const damage = found?.damages.find(
      ({ loss: { journalseq } }) => journalseq.first <= first && journalseq.last === last,
    );
    if (damage) {
      items.push({ damaged: damage });
      return;
    }
    const epoch = (after ? this.#before?.epoch : this.#header?.epoch) ?? "";
    const journalseq = { first, last };
    const loss = {
      epoch,
      cause: "journal_damaged",
      journalseq,
      topics: {},
      count: last - first + 1,
    } as const;
    items.push({ damaged: { segment: segment?.path ?? this.#segment!.path, offset: 0, bytes: 0, loss } });
  }
}
