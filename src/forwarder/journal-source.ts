/** The journal's reader and cursor behind the ports of the loop. */
import { loadCursor, saveCursor } from "../journal/cursor.ts";
import type { Loss } from "../journal/journal.ts";
import { type JournalReader, openReader } from "../journal/reader.ts";
import type { JournalRecord } from "../journal/record.ts";
import type { Log } from "./log.ts";
import type { Marks, MarksStore, Reading, Source } from "./source.ts";

export class JournalSource implements Source {
  readonly #dataDir: string;
  readonly #onDamaged: (loss: Loss) => void;
  /** Damage up to here has been told; the same place may be read again for lanes that lie behind. */
  #toldThrough = 0;

  constructor(dataDir: string, onDamaged: (loss: Loss) => void) {
    this.#dataDir = dataDir;
    this.#onDamaged = onDamaged;
  }

  open(journalseq: number): Reading {
    let reader: JournalReader | null = null;
    return {
      next: async (through, maxBytes) => {
        reader ??= await openReader({ dir: this.#dataDir, from: journalseq });
        for (;;) {
          const items = await reader.next(maxBytes, through);
          const records: JournalRecord[] = [];
          for (const item of items) {
            if ("record" in item) records.push(item.record);
            else this.#damaged(item.damaged.loss);
          }
          // A piece that held nothing but damage is not the end.
          if (records.length > 0 || items.length === 0) return records;
        }
      },
      close: async () => reader?.close(),
    };
  }

  #damaged(loss: Loss): void {
    const { first, last } = loss.journalseq;
    if (first <= this.#toldThrough) return;
    this.#toldThrough = last ?? first;
    this.#onDamaged(loss);
  }
}

export class CursorMarks implements MarksStore {
  readonly #dataDir: string;
  readonly #instance: string;
  readonly #log: Log;

  constructor(dataDir: string, instance: string, log: Log) {
    this.#dataDir = dataDir;
    this.#instance = instance;
    this.#log = log;
  }

  async load(): Promise<Marks> {
    const { cursor, reason } = await loadCursor(this.#dataDir, this.#instance);
    if (reason !== null)
      this.#log.warn({ reason }, "no usable cursor; forwarding from the oldest record kept");
    return cursor ?? { journalseq: 0, ahead: {} };
  }

  async save({ journalseq, ahead }: Marks): Promise<void> {
    await saveCursor(this.#dataDir, { instance: this.#instance, journalseq, ahead });
  }
}
