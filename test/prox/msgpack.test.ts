import { encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decode, NotMsgpack } from "../../src/prox/msgpack.ts";

const text = fc.string({ unit: "grapheme", maxLength: 300 });
const { tree } = fc.letrec<{ tree: unknown; leaf: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5 },
    tie("leaf"),
    fc.array(tie("tree"), { maxLength: 20 }),
    fc.dictionary(text, tie("tree"), { maxKeys: 20 }),
  ),
  leaf: fc.oneof(
    fc.constantFrom(null, true, false, 0, -1, 127, 128, -32, -33, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32),
    fc.maxSafeInteger(),
    // The library writes -0 as the integer 0.
    fc.double({ noNaN: true }).map((number) => number + 0),
    text,
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  ),
}));

/** Bytes in which the pieces stand one behind the other. */
function bytes(...pieces: readonly (number | string)[]): Buffer {
  return Buffer.concat(
    pieces.map((piece) => (typeof piece === "number" ? Buffer.from([piece]) : Buffer.from(piece, "latin1"))),
  );
}

describe("msgpack", () => {
  it("is read as the library wrote it", () => {
    fc.assert(
      fc.property(tree, (value) => {
        expect(decode(encode(value))).toEqual(value);
      }),
    );
  });

  it("that ends too early, or goes on behind its value, is none", () => {
    fc.assert(
      fc.property(tree, fc.nat(), (value, place) => {
        const whole = encode(value);
        expect(() => decode(whole.subarray(0, place % whole.length))).toThrow(NotMsgpack);
        expect(() => decode(Buffer.concat([whole, Buffer.from([0xc0])]))).toThrow(NotMsgpack);
      }),
    );
  });

  it("is read, or said to be none, whatever the bytes are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (rubbish) => {
        try {
          decode(rubbish);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(NotMsgpack);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("gives numbers for integers of 64 bits", () => {
    expect(decode(bytes(0xd3, "\0\0\0\0\0\0\0\x0f"))).toBe(15);
    expect(decode(bytes(0xd3, "\xff".repeat(8)))).toBe(-1);
    expect(decode(bytes(0xcf, "\0\x1f", "\xff".repeat(6)))).toBe(Number.MAX_SAFE_INTEGER);
  });

  it("keeps a header named __proto__ a field like any other", () => {
    const map = decode(bytes(0x82, 0xa9, "__proto__", 0x81, 0xa1, "x", 1, 0xa1, "y", 2));
    expect(Object.entries(map as object)).toEqual([
      ["__proto__", { x: 1 }],
      ["y", 2],
    ]);
    expect({}).not.toHaveProperty("x");
  });

  it("never takes bytes that are no UTF-8 for another text", () => {
    // An overlong "a"; a first byte that would swallow the two that follow.
    expect(decode(bytes(0xa2, "\xc1\xa1"))).toBe("\ufffd\ufffd");
    expect(decode(bytes(0xa4, "\xe9abc"))).toBe("\ufffdabc");
  });

  it("makes no room for what an array or map only promises, and goes no deeper than 32", () => {
    expect(() => decode(bytes(0xdd, "\xff".repeat(4)))).toThrow(NotMsgpack);
    expect(() => decode(bytes(0xdf, "\xff".repeat(4)))).toThrow(NotMsgpack);
    expect(() => decode(Buffer.concat([Buffer.alloc(33, 0x91), bytes(1)]))).toThrow(NotMsgpack);
    expect(decode(Buffer.concat([Buffer.alloc(32, 0x91), bytes(1)]))).toBeDefined();
    expect(() => decode(bytes(0x81, 0x90, 1))).toThrow(NotMsgpack);
  });
});
