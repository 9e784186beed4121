import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isoTime } from "../../src/events/draft.ts";

describe("the time of an event", () => {
  it("is what Date makes of it, whatever came before", () => {
    const moment = fc.integer({ min: -8_640_000_000_000_000, max: 8_640_000_000_000_000 });
    const near = fc.integer({ min: 1_700_000_000_000, max: 1_700_000_200_000 });
    const broken = fc.double({ min: 0, max: 4e12, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.oneof(moment, near, broken), { minLength: 1 }), (moments) => {
        for (const ms of moments) expect(isoTime(ms)).toBe(new Date(ms).toISOString());
      }),
    );
  });

  it("is none where Date knows none", () => {
    expect(() => isoTime(Number.NaN)).toThrow(RangeError);
  });
});
