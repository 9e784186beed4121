/** Keeps how far everything is confirmed: in the file when it has moved, and told to the main thread. */
import type { Marks, MarksStore } from "./source.ts";
import type { Topic } from "./topic.ts";

export interface MarksKeeperParts {
  readonly store: MarksStore;
  readonly topics: () => Iterable<Topic>;
  /** The journalseq up to which every record has been read; see Intake. */
  readonly front: () => number;
  readonly onMoved: (journalseq: number) => void;
  /** null: kept, also after it could not be. */
  readonly onKept: (problem: unknown) => void;
}

export class MarksKeeper {
  readonly #parts: MarksKeeperParts;
  #saved: Marks = { journalseq: 0, ahead: {} };
  #saving: Promise<void> = Promise.resolve();

  constructor(parts: MarksKeeperParts) {
    this.#parts = parts;
  }

  /** What was kept last. */
  get saved(): Marks {
    return this.#saved;
  }

  async load(): Promise<Marks> {
    this.#saved = await this.#parts.store.load();
    return this.#saved;
  }

  /** The journalseq up to which every record is confirmed. */
  acknowledged(): number {
    const front = this.#parts.front();
    let through = front;
    for (const topic of this.#parts.topics()) through = Math.min(through, topic.confirmedThrough(front));
    return through;
  }

  /** Writes the file when something has moved; one after the other. Never rejects. */
  save(): Promise<void> {
    this.#saving = this.#saving.then(async () => {
      const marks = this.#marks();
      const moved = marks.journalseq > this.#saved.journalseq;
      if (!moved && JSON.stringify(marks) === JSON.stringify(this.#saved)) return;
      try {
        await this.#parts.store.save(marks);
        this.#saved = marks;
        this.#parts.onKept(null);
      } catch (thrown) {
        this.#parts.onKept(thrown);
      }
      // Told even when it could not be kept: on a full disk this is what lets the journal make room.
      if (moved) this.#parts.onMoved(marks.journalseq);
    });
    return this.#saving;
  }

  #marks(): Marks {
    const journalseq = this.acknowledged();
    const ahead: Record<string, NonNullable<ReturnType<Topic["aheadOf"]>>> = {};
    for (const topic of this.#parts.topics()) {
      const further = topic.aheadOf(journalseq);
      if (further !== undefined) ahead[topic.name] = further;
    }
    return { journalseq, ahead };
  }
}
