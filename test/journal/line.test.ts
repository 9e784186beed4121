import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crc32c, crc32cOfTwo } from "../../src/journal/crc32c.ts";
import { checksOut, lineBytes, parseLine, writeLine } from "../../src/journal/line.ts";

describe("crc32c", () => {
  it.each([
    ["123456789", 0xe3069283],
    ["", 0],
    ["a", 0xc1d04330],
    ["The quick brown fox jumps over the lazy dog", 0x22620404],
  ])("of %j is the published value", (text, expected) => {
    expect(crc32c(Buffer.from(text))).toBe(expected);
  });

  const slowly = (bytes: Uint8Array): number => {
    let crc = 0xffffffff;
    for (const byte of bytes) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    }
    return ~crc >>> 0;
  };
  const anyBytes = fc.uint8Array({ maxLength: 80 });
  const anyPart = fc.tuple(fc.nat(80), fc.nat(80)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);

  it("agrees with a bit-by-bit computation for any bytes and any part of them", () => {
    fc.assert(
      fc.property(anyBytes, anyPart, (bytes, [a, b]) => {
        const [start, end] = [Math.min(a, bytes.length), Math.min(b, bytes.length)];
        expect(crc32c(bytes, start, end)).toBe(slowly(bytes.subarray(start, end)));
      }),
    );
  });

  it("of two parts at once is that of each", () => {
    const whole = fc.uint8Array({ minLength: 80, maxLength: 80 });
    fc.assert(
      fc.property(whole, anyPart, anyPart, (bytes, one, two) => {
        const expected = [one, two].map(([start, end]) => slowly(bytes.subarray(start, end)));
        expect(crc32cOfTwo(bytes, ...one, ...two)).toEqual(expected);
      }),
    );
  });
});

describe("a line", () => {
  const number = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  const anyLine = fc.record({
    journalseq: number,
    sequence: number,
    stream: fc.constantFrom("logins", "work-conns"),
    key: fc.string({ unit: "grapheme", maxLength: 40 }),
    event: fc.json({ stringUnit: "grapheme" }),
  });

  function written(line: {
    journalseq: number;
    sequence: number;
    stream: string;
    key: string;
    event: string;
  }): Buffer {
    const keyJson = JSON.stringify(line.key);
    const bytes = Buffer.alloc(lineBytes(line.stream, keyJson, line.event));
    const end = writeLine(bytes, 0, line.journalseq, line.sequence, line.stream, keyJson, line.event);
    expect(end).toBe(bytes.length);
    return bytes;
  }

  it("comes back as it was written, whatever is in it", () => {
    fc.assert(
      fc.property(anyLine, (line) => {
        const bytes = written(line);
        expect(checksOut(bytes, 0, bytes.length)).toBe(true);
        expect(parseLine(bytes, 0, bytes.length)).toEqual(line);
        expect(bytes.indexOf(0x0a)).toBe(bytes.length - 1);
      }),
    );
  });

  it("does not check out once any bit of it is another", () => {
    fc.assert(
      fc.property(anyLine, fc.nat(), fc.nat(7), (line, at, bit) => {
        const bytes = written(line);
        bytes[at % bytes.length]! ^= 1 << bit;
        expect(checksOut(bytes, 0, bytes.length)).toBe(false);
      }),
    );
  });
});
