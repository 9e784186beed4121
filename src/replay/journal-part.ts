/** The part of a journal that is sent again, behind the ports of the forwarder's loop; nothing of it is written. */
import type { DurableMark, Marks, MarksStore, Reading, Source } from "../forwarder/source.ts";
import { type JournalReader, openReader } from "../journal/reader.ts";
import type { JournalRecord } from "../journal/record.ts";
import { type Span, without } from "../ledger/span.ts";

/** Whether a segment was deleted just between being found and being opened is asked so often. */
const looks = 3;

export class JournalPart implements Source {
  readonly #dataDir: string;
  readonly #wanted: (record: JournalRecord) => boolean;
  readonly #onGone: (span: Span) => void;
  /** Known to be missing, or told, in order; the same place may be read again for lanes that lie behind. */
  readonly #told: Span[];

  /** @param missing what is known already; `onGone` is told of other numbers that are not there, or not any more */
  constructor(
    dataDir: string,
    wanted: (record: JournalRecord) => boolean,
    missing: readonly Span[],
    onGone: (span: Span) => void,
  ) {
    this.#dataDir = dataDir;
    this.#wanted = wanted;
    this.#told = missing.toSorted((a, b) => a.first - b.first);
    this.#onGone = onGone;
  }

  open(journalseq: number): Reading {
    let at = journalseq;
    let reader: JournalReader | null = null;
    const take = async (through: number, maxBytes: number): Promise<JournalRecord[] | null> => {
      // Of one that begins with 1 the reader misses nothing that is gone.
      const first = reader === null && at <= 1;
      reader ??= await openReader({ dir: this.#dataDir, from: at });
      const items = await reader.next(maxBytes, through);
      for (const item of items) {
        if ("damaged" in item) {
          const { first: from, last } = item.damaged.loss.journalseq;
          at = (last ?? from) + 1;
          this.#missing({ first: from, last: at - 1 });
          continue;
        }
        const { journalseq: found } = item.record;
        if (first && at <= 1 && found > 1) this.#missing({ first: 1, last: found - 1 });
        at = found + 1;
      }
      if (items.length === 0) return null;
      return items.flatMap((item) => ("record" in item && this.#wanted(item.record) ? [item.record] : []));
    };
    const close = async (): Promise<void> => {
      await reader?.close();
      reader = null;
    };
    return {
      next: async (through, maxBytes) => {
        for (let look = 0; at <= through; ) {
          const records = await take(through, maxBytes);
          if (records === null) {
            await close();
            if (++look < looks) continue;
            this.#missing({ first: at, last: through });
            at = through + 1;
          } else if (records.length > 0) return records;
        }
        return [];
      },
      passed: () => at - 1,
      close,
    };
  }

  #missing(span: Span): void {
    const untold = without(span, this.#told, () => {});
    this.#told.push(...untold);
    this.#told.sort((a, b) => a.first - b.first);
    for (const piece of untold) this.#onGone(piece);
  }
}

/** Where the part ends. */
export class PartEnd implements DurableMark {
  #journalseq: number;

  constructor(journalseq: number) {
    this.#journalseq = journalseq;
  }

  read(): number {
    return this.#journalseq;
  }

  /** It never moves on. */
  above(): Promise<void> {
    return new Promise(() => {});
  }

  /** Nothing more is read from now on. */
  cut(): void {
    this.#journalseq = 0;
  }
}

/** What has been confirmed, in memory: the bridge's cursor stays as it is. */
export class PartMarks implements MarksStore {
  #marks: Marks;

  constructor(before: number) {
    this.#marks = { journalseq: before, ahead: {} };
  }

  async load(): Promise<Marks> {
    return this.#marks;
  }

  async save(marks: Marks): Promise<void> {
    this.#marks = marks;
  }
}
