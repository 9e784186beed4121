/**
 * What was made before, so that it need not be made again: of `most` to twice as many names the latest.
 *
 *   made ──▶ young ──`most` newer ones──▶ old ──asked for──▶ young again
 *                                          └── `most` newer ones ──▶ forgotten
 */
export class Remembered {
  #young = new Map<string, string>();
  #old = new Map<string, string>();
  readonly #most: number;
  readonly make: (name: string) => string;

  /** @param make a pure function */
  constructor(most: number, make: (name: string) => string) {
    this.#most = most;
    this.make = make;
  }

  /** How many are held. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  of(name: string): string {
    const known = this.#young.get(name);
    if (known !== undefined) return known;
    const made = this.#old.get(name) ?? this.make(name);
    if (this.#young.size >= this.#most) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(copyOf(name), made);
    return made;
  }
}

/** A piece of a text keeps the whole text in memory, which somebody may have made long: a copy keeps itself. */
function copyOf(name: string): string {
  return Buffer.from(name, "utf16le").toString("utf16le");
}
