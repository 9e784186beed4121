import { describe, expect, it } from "vitest";
import { BatchSize } from "../../src/forwarder/batch-size.ts";

describe("the size of a batch", () => {
  it("is halved down to one record by rejections, and that one gets a second chance alone", () => {
    const size = new BatchSize(100);
    const sizes: number[] = [];
    while (size.records > 1) {
      expect(size.rejected(size.records)).toBe("half");
      sizes.push(size.records);
    }
    expect(sizes).toEqual([50, 25, 13, 7, 4, 2, 1]);
    expect(size.rejected(1)).toBe("later");
    expect(size.rejected(1)).toBe("never");
  });

  it("gives the next record that stands alone a second chance, too", () => {
    const size = new BatchSize(1);
    size.rejected(1);
    size.rejected(1);
    size.confirmed();
    expect(size.rejected(1)).toBe("later");
  });

  it("grows back to the limit, and not above it, with what is confirmed", () => {
    const size = new BatchSize(100);
    size.rejected(20);
    const before = size.records;
    size.confirmed();
    expect(size.records).toBeGreaterThan(before);
    for (let confirmed = 0; confirmed < 50; confirmed++) size.confirmed();
    expect(size.records).toBe(100);
  });
});
