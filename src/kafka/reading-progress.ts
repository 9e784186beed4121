import type { PartitionRange } from "./topic-ranges.ts";

/** How far each partition has been read; over several consumers. */
export class ReadingProgress {
  readonly ranges: readonly PartitionRange[];
  /** What comes next: kafkajs begins with older records again after each trouble. */
  readonly #next = new Map<string, number>();
  /** Where those end that have not been read to the end. */
  readonly #open = new Map<string, PartitionRange>();
  readonly #onCaughtUp: () => void;
  readonly #end = Promise.withResolvers<void>();
  /** Rises with whatever is read. */
  steps = 0;

  constructor(ranges: readonly PartitionRange[], last: number, onCaughtUp: () => void) {
    this.ranges = ranges;
    this.#onCaughtUp = onCaughtUp;
    for (const range of ranges) {
      const from = Math.max(Number(range.low), Number(range.high) - last);
      this.#next.set(nameOf(range), from);
      if (from < Number(range.high)) this.#open.set(nameOf(range), range);
    }
    if (this.caughtUp) this.#settle();
  }

  get whenCaughtUp(): Promise<void> {
    return this.#end.promise;
  }

  get caughtUp(): boolean {
    return this.#open.size === 0;
  }

  get open(): PartitionRange[] {
    return [...this.#open.values()];
  }

  next(topic: string, partition: number): number {
    return this.#next.get(nameOf({ topic, partition })) ?? 0;
  }

  /** Everything below this offset has been read, whether records stood there or not. */
  reached(topic: string, partition: number, offset: number): void {
    const name = nameOf({ topic, partition });
    if (offset <= (this.#next.get(name) ?? 0)) return;
    this.#next.set(name, offset);
    this.steps++;
    const open = this.#open.get(name);
    if (open === undefined || offset < Number(open.high)) return;
    this.#open.delete(name);
    if (this.caughtUp) this.#settle();
  }

  #settle(): void {
    this.#onCaughtUp();
    this.#end.resolve();
  }
}

export function nameOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic} ${partition}`;
}
