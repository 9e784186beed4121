/** How many there are of each name. Names of which there are none take no memory. */
export interface Count {
  of: number;
}

/** Where those are counted that differ in their address alone, which saves looking for it. */
export interface Places {
  user?: Count;
  proxy?: Count;
}

export class Tally {
  /** One look-up for each change: a number of its own would have to be put back. */
  readonly #counts = new Map<string, Count>();

  of(name: string): number {
    return this.#counts.get(name)?.of ?? 0;
  }

  /**
   * @param last what was given back for this name the last time, which saves the look-up while there are some
   * @returns to be given the next time
   */
  add(name: string, change: number, last?: Count): Count {
    const count = last !== undefined && last.of !== 0 ? last : this.#counts.get(name);
    if (count === undefined) {
      const first = { of: change };
      this.#counts.set(name, first);
      return first;
    }
    count.of += change;
    if (count.of === 0) this.#counts.delete(name);
    return count;
  }

  /** What was given back is worth nothing any more. */
  clear(): void {
    for (const count of this.#counts.values()) count.of = 0;
    this.#counts.clear();
  }
}
