/** How many there are of each name. Names of which there are none take no memory. */
interface Count {
  of: number;
}

export class Tally {
  /** One look-up for each change: a number of its own would have to be put back. */
  readonly #counts = new Map<string, Count>();

  of(name: string): number {
    return this.#counts.get(name)?.of ?? 0;
  }

  add(name: string, change: number): void {
    const count = this.#counts.get(name);
    if (count === undefined) this.#counts.set(name, { of: change });
    else if (count.of + change === 0) this.#counts.delete(name);
    else count.of += change;
  }

  clear(): void {
    this.#counts.clear();
  }
}
