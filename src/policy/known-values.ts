/**
 * Values that were read lately, by scope: what many rules say in the same words is read once, and they share its text
 * and its terms. A thousand plans, and none of the rules that nobody else has, stay for long.
 *
 * Two generations: what is asked for moves to the young one, and when that is full, the old one goes.
 */
import type { Scope } from "./rule-key.ts";
import { type ReadValue, readValue } from "./rule-value.ts";

/** A value as its rules keep it. */
interface KnownValue {
  readonly text: string;
  readonly read: ReadValue;
}

const mostYoung = 1024;
/** Longer ones are hardly ever shared, and a thousand of them would be much to keep. */
const longestKnown = 2048;

class Generations {
  #young = new Map<string, KnownValue>();
  #old: ReadonlyMap<string, KnownValue> = new Map();

  get(text: string): KnownValue | undefined {
    const young = this.#young.get(text);
    if (young) return young;
    const old = this.#old.get(text);
    if (old) this.put(old);
    return old;
  }

  put(value: KnownValue): void {
    if (this.#young.size >= mostYoung) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(value.text, value);
  }
}

const known = new Map<Scope, Generations>();

/** As readValue, and the same object for the same value as long as it is known. */
export function knownValue(value: string, scope: Scope): KnownValue {
  if (value.length > longestKnown) return { text: value, read: readValue(value, scope) };
  const ofScope = known.get(scope) ?? new Generations();
  known.set(scope, ofScope);
  const found = ofScope.get(value);
  if (found) return found;
  const fresh = { text: value, read: readValue(value, scope) };
  ofScope.put(fresh);
  return fresh;
}
