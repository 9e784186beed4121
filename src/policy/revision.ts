import { hash } from "node:crypto";

/**
 * Names one state of the rule set by 16 hex digits: the first 64 bits of each rule's SHA-256, combined by
 * exclusive or. So a rule is put in and taken out by the same step, and the order makes no difference.
 * Without rules it is all zeros.
 */
export class Revision {
  #high = 0;
  #low = 0;
  #text: string | null = null;

  /** Puts a rule in; takes it out if it is in. */
  toggle(key: string, value: string): void {
    // The length keeps apart what would read the same: a key may hold any character.
    // As text with a character for each byte: a third of what a Buffer takes.
    const digest = hash("sha256", `${key.length}:${key}${value}`, "binary");
    this.#high ^= word(digest, 0);
    this.#low ^= word(digest, 4);
    this.#text = null;
  }

  get text(): string {
    this.#text ??= hex(this.#high) + hex(this.#low);
    return this.#text;
  }

  /** Gives the name of the present state whenever it is asked for, also when another has followed. */
  mark(): () => string {
    const [high, low] = [this.#high, this.#low];
    return () => hex(high) + hex(low);
  }
}

function word(bytes: string, at: number): number {
  return (
    (bytes.charCodeAt(at) << 24) |
    (bytes.charCodeAt(at + 1) << 16) |
    (bytes.charCodeAt(at + 2) << 8) |
    bytes.charCodeAt(at + 3)
  );
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
