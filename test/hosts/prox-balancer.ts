/** The upstreams of a route with a balancer: in turns, or in groups by the first label that a `*` matched. */
export class Balancer {
  readonly #fallback: boolean;
  #flat: Turns;
  #groups: Map<string, Turns> | undefined;

  constructor(targets: readonly string[], fallback: boolean) {
    this.#flat = new Turns(targets);
    this.#fallback = fallback;
  }

  /** "" when there is none. */
  next(key: string): string {
    if (!this.#groups || key === "") return this.#flat.next() || (this.#fallback ? this.#any() : "");
    return this.#groups.get(key)?.next() || (this.#fallback ? this.#any() : "");
  }

  setTargets(targets: readonly string[]): void {
    this.#flat = new Turns(targets);
    this.#groups = undefined;
  }

  setGroups(groups: Readonly<Record<string, readonly string[]>>): void {
    this.#groups = new Map(Object.entries(groups).map(([key, targets]) => [key, new Turns(targets)]));
  }

  #any(): string {
    const all = [...(this.#groups?.values() ?? [])].flatMap(({ targets }) => targets);
    return all[Math.floor(Math.random() * all.length)] ?? "";
  }
}

class Turns {
  readonly targets: readonly string[];
  #turn = 0;

  constructor(targets: readonly string[]) {
    this.targets = targets;
  }

  next(): string {
    this.#turn += 1;
    return this.targets[(this.#turn - 1) % this.targets.length] ?? "";
  }
}
