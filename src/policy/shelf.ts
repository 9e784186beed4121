import type { Rule } from "./rule.ts";

/**
 * Rules by what they cover. Keys written differently can cover the same (`ip:1.2.3.4` and
 * `ip:::ffff:1.2.3.4`): then each of them counts, and they stand in the order of their key texts, so that it
 * makes no difference which was written first.
 */
export class Shelf<Place> {
  // An array for each rule would cost a million rules more than the rules themselves.
  readonly #places = new Map<Place, Rule | readonly Rule[]>();

  /** How many places are taken. */
  get size(): number {
    return this.#places.size;
  }

  put(place: Place, rule: Rule): void {
    const there = this.#places.get(place);
    if (there === undefined) this.#places.set(place, rule);
    else this.#places.set(place, [...listOf(there), rule].sort(byKeyText));
  }

  take(place: Place, rule: Rule): void {
    const left = listOf(this.#places.get(place)).filter((other) => other !== rule);
    if (left.length === 0) this.#places.delete(place);
    else this.#places.set(place, left.length === 1 ? left[0]! : left);
  }

  at(place: Place): readonly Rule[] {
    return listOf(this.#places.get(place));
  }

  /** Appends what is there to `found`. */
  gather(place: Place, found: Rule[]): void {
    const there = this.#places.get(place);
    if (there === undefined) return;
    if (isList(there)) found.push(...there);
    else found.push(there);
  }

  *rules(): Generator<Rule> {
    for (const there of this.#places.values()) yield* listOf(there);
  }
}

export function byKeyText(a: Rule, b: Rule): number {
  if (a.key.text === b.key.text) return 0;
  return a.key.text < b.key.text ? -1 : 1;
}

const nothing: readonly Rule[] = Object.freeze([]);

function listOf(there: Rule | readonly Rule[] | undefined): readonly Rule[] {
  if (there === undefined) return nothing;
  return isList(there) ? there : [there];
}

function isList(there: Rule | readonly Rule[]): there is readonly Rule[] {
  return Array.isArray(there);
}
