/**
 * How many records a lane sends at once, at most.
 *
 * Guarantee: a rejected batch is halved until the record that is not wanted stands alone, and that one is given up only
 * when it was rejected twice alone. Batches grow again by a quarter with each that is confirmed.
 */
export class BatchSize {
  readonly #most: number;
  #records: number;
  #rejectedAlone = false;

  /** @param most records in a batch */
  constructor(most: number) {
    this.#most = most;
    this.#records = most;
  }

  get records(): number {
    return this.#records;
  }

  confirmed(): void {
    this.#rejectedAlone = false;
    this.#records = Math.min(this.#most, Math.ceil(this.#records * 1.25));
  }

  /**
   * The broker does not take a batch of so many, and never will.
   * @returns whether to send half of it at once, the same one once more but later, or never again
   */
  rejected(records: number): "half" | "later" | "never" {
    if (records > 1) {
      this.#records = Math.ceil(records / 2);
      return "half";
    }
    if (this.#rejectedAlone) return "never";
    this.#rejectedAlone = true;
    this.#records = 1;
    return "later";
  }
}
