/**
 * Things in the order in which they came, most of which leave from anywhere.
 *
 * A thing leaves by turning `over`; its place is given up later, so that adding and leaving cost next to nothing.
 * Memory: at most two places for each thing that is there, and 8 more.
 */
export interface Passing {
  /** Turns true once, and stays so. */
  readonly over: boolean;
}

export class Row<T extends Passing> {
  /** How many are there. */
  size = 0;
  #places: T[] = [];
  /** All before this one are over. */
  #first = 0;

  add(thing: T): void {
    this.#places.push(thing);
    this.size++;
  }

  /** To be told once of each thing that is over. */
  left(): void {
    this.size--;
    if (this.#places.length <= 2 * this.size + 8) return;
    this.#places = this.all();
    this.#first = 0;
  }

  get oldest(): T | undefined {
    while (this.#places[this.#first]?.over) this.#first++;
    return this.#places[this.#first];
  }

  /** The oldest that it is true of. */
  find(isMeant: (thing: T) => boolean): T | undefined {
    for (let at = this.#first; at < this.#places.length; at++) {
      const thing = this.#places[at]!;
      if (!thing.over && isMeant(thing)) return thing;
    }
    return undefined;
  }

  /** The newest that it is true of. */
  findNewest(isMeant: (thing: T) => boolean): T | undefined {
    return this.#places.findLast((thing) => !thing.over && isMeant(thing));
  }

  /** Oldest first. */
  all(): T[] {
    return this.#places.filter(({ over }) => !over);
  }
}
