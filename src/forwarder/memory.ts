/** What all lanes hold together, by weight, and how much of it a stuck one may keep. */
export class Memory {
  held = 0;
  lanes = 0;
  readonly #limitBytes: number;
  readonly #batchBytes: number;

  constructor(limitBytes: number, batchBytes: number) {
    this.#limitBytes = limitBytes;
    this.#batchBytes = batchBytes;
  }

  get full(): boolean {
    return this.held >= this.#limitBytes;
  }

  /** Stuck lanes share half, so that the other half is always there for those that work. One batch is enough. */
  get share(): number {
    return Math.min(this.#batchBytes, this.#limitBytes / 2 / Math.max(1, this.lanes));
  }
}
