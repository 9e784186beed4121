import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matchesGlob, parseGlob } from "../../src/policy/conditions/glob.ts";

const letter = fc.constantFrom("a", "b", "é", "😀", "\u0000");
const pattern = fc.string({ unit: fc.constantFrom("a", "b", ".", "*"), maxLength: 10 });
const name = fc.string({ unit: fc.constantFrom("a", "b", "."), maxLength: 12 });

describe("a glob", () => {
  it("matches what a regular expression for it would", () => {
    fc.assert(
      fc.property(pattern, name, (glob, name) => {
        const pieces = glob.split("*").map((piece) => piece.replaceAll(".", "\\."));
        const regex = new RegExp(`^${pieces.join("[^]*")}$`);
        expect(matchesGlob(parseGlob(glob), name)).toBe(regex.test(name));
      }),
      { numRuns: 5000 },
    );
  });

  it("matches each name that is made from it", () => {
    const pieces = fc.array(fc.string({ unit: letter, maxLength: 4 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(
        pieces,
        fc.array(fc.string({ unit: letter, maxLength: 5 }), { maxLength: 6 }),
        (pieces, between) => {
          const plain = pieces.map((piece) => piece.replaceAll("*", ""));
          const name = plain.reduce((before, piece, at) => `${before}${between[at] ?? ""}${piece}`);
          expect(matchesGlob(parseGlob(plain.join("*")), name)).toBe(true);
        },
      ),
    );
  });

  it.each([
    ["*a".repeat(100), "a".repeat(512)],
    [`${"*a".repeat(100)}b`, "a".repeat(512)],
    ["*aab".repeat(60), "a".repeat(512)],
    [`*${"a".repeat(120)}b*${"a".repeat(120)}c`, "a".repeat(512)],
  ])("looks for each piece of %s once, from where the one before ended", (glob, text) => {
    const searches: { piece: string; from: number; found: number }[] = [];
    const watched = {
      length: text.length,
      startsWith: (piece: string) => text.startsWith(piece),
      endsWith: (piece: string) => text.endsWith(piece),
      indexOf(piece: string, from: number) {
        const found = text.indexOf(piece, from);
        searches.push({ piece, from, found });
        return found;
      },
    };
    matchesGlob(parseGlob(glob), watched as unknown as string);
    const pieces = parseGlob(glob).slice(1, -1);
    expect(searches.map(({ piece }) => piece)).toEqual(pieces.slice(0, searches.length));
    searches.reduce((at, { piece, from, found }) => {
      expect(from).toBe(at);
      return found + piece.length;
    }, 0);
  });

  it("is not even tried on a name longer than any that frps takes", () => {
    expect(matchesGlob(parseGlob("*"), "a".repeat(512))).toBe(true);
    expect(matchesGlob(parseGlob("*"), "a".repeat(513))).toBe(false);
  });
});
