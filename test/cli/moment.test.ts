import { describe, expect, it } from "vitest";
import { duration, moment } from "../../src/cli/options.ts";

describe("a span on the command line", () => {
  it.each([
    ["500ms", 500],
    ["90s", 90_000],
    ["15m", 900_000],
    ["24h", 86_400_000],
    ["7d", 604_800_000],
    ["0s", 0],
  ])("%s is so many milliseconds", (text, ms) => {
    expect(duration(text)).toBe(ms);
    expect(moment(text)).toEqual({ agoMs: ms });
  });

  it.each(["", "24", "h", "1.5h", "-1h", "1 h", "24H", "1w", "1h30m", "9999999999s"])(
    "%j is none",
    (text) => {
      expect(() => duration(text)).toThrow("It must be a span");
      expect(() => moment(text)).toThrow("It must be a span such as 24h or 7d, or a time with its zone");
    },
  );

  it("may be a time instead, where a moment is meant", () => {
    expect(moment("2027-01-31T08:00:00Z")).toEqual(new Date("2027-01-31T08:00:00Z"));
    expect(() => moment("2027-01-31T08:00:00")).toThrow("a time with its zone");
  });
});
