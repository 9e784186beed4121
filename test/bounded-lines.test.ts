/** Lines of the log that anybody can cause. */
import { describe, expect, it } from "vitest";
import { BoundedLines } from "../src/bounded-lines.ts";
import type { Log } from "../src/log.ts";
import { FakeClock } from "./fake-clock.ts";

function trial(debug = false) {
  const clock = new FakeClock();
  const told: { level: string; text: string; leftOut?: number; node?: string }[] = [];
  const write = (level: string) => (fields: object, text: string) =>
    void told.push({ level, text, ...fields });
  const log = {
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    isLevelEnabled: () => debug,
  };
  return { clock, told, lines: new BoundedLines(log as unknown as Log, clock) };
}

describe("a flood of lines", () => {
  it("is written up to a bound for its kind, and told in one line with its number when the minute is over", () => {
    const { clock, told, lines } = trial();
    for (let at = 0; at < 500; at++) lines.write("warn", { node: "edge-1" }, { at }, "refused");
    lines.write("info", { node: "edge-2" }, { at: 0 }, "refused");
    expect(told).toHaveLength(61);
    expect(told.at(-1)).toMatchObject({ node: "edge-2", at: 0 });
    clock.advance(60_000);
    expect(told.slice(61)).toEqual([
      { level: "warn", node: "edge-1", leftOut: 440, text: "refused: more lines of this kind were left out" },
    ]);
    lines.write("warn", { node: "edge-1" }, { at: 500 }, "refused");
    expect(told.at(-1)).toMatchObject({ at: 500 });
  });

  it("of many kinds is bounded as a whole; the first of each is written, and none is lost from the count", () => {
    const { told, lines } = trial();
    for (let at = 0; at < 60_000; at++) lines.write("info", { node: String(at % 1_000) }, {}, "refused");
    const written = told.length;
    expect(written).toBeLessThanOrEqual(1_501);
    lines.flush();
    const leftOut = told.slice(written).reduce((sum, line) => sum + line.leftOut!, 0);
    expect(written + leftOut).toBe(60_000);
    expect(new Set(told.slice(0, written).map(({ node }) => node)).size).toBeGreaterThanOrEqual(500);
    expect(told.at(-1)?.text).toBe("of other kinds: more lines of this kind were left out");
  });

  it("does not hide the first line of another kind", () => {
    const { told, lines } = trial();
    for (let at = 0; at < 3_000; at++) lines.write("info", { node: String(at % 30) }, {}, "refused");
    lines.write("error", { node: "edge-1" }, {}, "refused");
    expect(told).toHaveLength(1_001);
    expect(told.at(-1)).toMatchObject({ level: "error", node: "edge-1" });
  });

  it("is written as a whole at debug", () => {
    const { told, lines } = trial(true);
    for (let at = 0; at < 500; at++) lines.write("warn", { node: "edge-1" }, { at }, "refused");
    lines.flush();
    expect(told).toHaveLength(500);
  });
});
