import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameReader, frameOf, mostFrameBytes } from "../../src/prox/frames.ts";
import { proxCalls, proxSession } from "../fixtures.ts";

/** Everything that a reader gives for pieces of a stream. */
function readAll(pieces: readonly Buffer[]): { frames: Buffer[]; tooLarge: Buffer | null; partial: Buffer } {
  const reader = new FrameReader();
  const frames: Buffer[] = [];
  for (const piece of pieces) {
    const read = reader.read(piece);
    frames.push(...read.frames.map((frame) => Buffer.from(frame)));
    if (read.tooLarge !== null)
      return { frames, tooLarge: read.tooLarge, partial: Buffer.from(reader.partial) };
  }
  return { frames, tooLarge: null, partial: Buffer.from(reader.partial) };
}

function cutAt(stream: Buffer, places: readonly number[]): Buffer[] {
  const cuts = [0, ...new Set(places.map((place) => place % (stream.length + 1))), stream.length];
  cuts.sort((a, b) => a - b);
  return cuts.slice(1).map((end, i) => stream.subarray(cuts[i], end));
}

const bodies = fc.array(
  fc.oneof(
    fc.uint8Array({ maxLength: 20 }),
    fc.uint8Array({ minLength: 200, maxLength: 300 }),
    fc.nat(70_000).map((length) => new Uint8Array(length).fill(length)),
  ),
  { maxLength: 6 },
);

describe("frames", () => {
  it("are read alike wherever the stream is cut in two", () => {
    const small = fc.array(fc.uint8Array({ maxLength: 12 }), { maxLength: 4 });
    fc.assert(
      fc.property(small, (written) => {
        const stream = Buffer.concat(written.map(frameOf));
        const expected = written.map((body) => Buffer.from(body));
        for (let place = 0; place <= stream.length; place++) {
          expect(readAll([stream.subarray(0, place), stream.subarray(place)]).frames).toEqual(expected);
        }
      }),
    );
  });

  it("are read alike however many pieces the stream comes in, and leave nothing over", () => {
    fc.assert(
      fc.property(bodies, fc.array(fc.nat(), { maxLength: 20 }), (written, places) => {
        const stream = Buffer.concat(written.map(frameOf));
        const read = readAll(cutAt(stream, places));
        expect(Buffer.concat(read.frames).equals(Buffer.concat(written))).toBe(true);
        expect(read.frames.map(({ length }) => length)).toEqual(written.map(({ length }) => length));
        expect(read.partial).toHaveLength(0);
      }),
    );
  });

  it("are read byte by byte", () => {
    const stream = Buffer.concat(proxSession.map(({ frame }) => frame));
    const { frames } = readAll([...stream].map((byte) => Buffer.from([byte])));
    expect(frames).toEqual(proxSession.map(({ frame }) => frame.subarray(4)));
  });

  it("that are not whole show what has come of them", () => {
    const whole = frameOf(Buffer.from("whole"));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), fc.nat(), (body, place) => {
        const part = frameOf(body).subarray(0, place % (body.length + 4));
        const read = readAll([Buffer.concat([whole, part])]);
        expect(read.frames).toEqual([Buffer.from("whole")]);
        expect(read.partial).toEqual(Buffer.from(part));
      }),
    );
  });

  it.each(proxCalls)("of a real prox are read and written byte by byte: $file", ({ frame, reply }) => {
    for (const recorded of reply === null ? [frame] : [frame, reply.frame]) {
      const { frames } = readAll([recorded]);
      expect(frames).toHaveLength(1);
      expect(frameOf(frames[0]!)).toEqual(recorded);
    }
  });

  it("of the greatest length are read, one byte more is not, and nothing behind it", () => {
    const greatest = frameOf(Buffer.alloc(mostFrameBytes, 7));
    const pieces = cutAt(greatest, [1, 65_536, 131_072, 3_000_000]);
    expect(readAll(pieces).frames.map(({ length }) => length)).toEqual([mostFrameBytes]);
    expect(() => frameOf(Buffer.alloc(mostFrameBytes + 1))).toThrow(RangeError);

    const tooLarge = Buffer.alloc(10, 1);
    tooLarge.writeUInt32BE(mostFrameBytes + 1);
    const small = frameOf(Buffer.from("x"));
    for (let place = 0; place <= 4; place++) {
      const reader = new FrameReader();
      const first = reader.read(Buffer.concat([small, tooLarge.subarray(0, place)]));
      const second = reader.read(tooLarge.subarray(place));
      expect(first.frames).toEqual([Buffer.from("x")]);
      const left = first.tooLarge ?? second.tooLarge;
      expect(left).toEqual(place === 4 ? tooLarge.subarray(0, 4) : tooLarge);
      expect(reader.read(small)).toEqual({ frames: [], tooLarge: null });
    }
  });

  it("that lie in one piece are views of it, and cost no copy", () => {
    const piece = Buffer.concat([frameOf(Buffer.from("one")), frameOf(Buffer.from("two"))]);
    const { frames } = new FrameReader().read(piece);
    expect(frames.map(String)).toEqual(["one", "two"]);
    expect(frames.every(({ buffer }) => buffer === piece.buffer)).toBe(true);
  });

  it("take room for what has come of them and not for what their length promises", () => {
    const header = Buffer.alloc(4);
    header.writeUInt32BE(mostFrameBytes);
    const readers = Array.from({ length: 64 }, () => {
      const reader = new FrameReader();
      reader.read(header);
      reader.read(Buffer.from("begun"));
      return reader;
    });
    const rooms = new Set(readers.map(({ partial }) => partial.buffer));
    const room = [...rooms].reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(room).toBeLessThan(readers.length * 65_536);
  });
});
