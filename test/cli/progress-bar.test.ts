import { expect, it } from "vitest";
import { ProgressBar } from "../../src/cli/progress-bar.ts";
import { FakeClock } from "../fake-clock.ts";

function shown(screen: { isTTY?: boolean; columns?: number }) {
  const clock = new FakeClock();
  const written: string[] = [];
  const bar = new ProgressBar({ ...screen, write: (text) => written.push(text) }, clock);
  bar.begin(2560);
  const read = (records: number, ms: number): void => {
    for (let n = 0; n < records; n++) {
      if (n === records - 1) clock.advance(ms);
      bar.step();
    }
  };
  return { bar, read, written };
}

it("a progress bar is written over at most ten times a second, fits the screen, and is gone at the end", () => {
  const { bar, read, written } = shown({ isTTY: true, columns: 80 });
  read(256, 50);
  expect(written).toEqual([]);
  read(1024, 950);
  expect(written).toEqual([
    `\r[${"#".repeat(15)}${" ".repeat(15)}] 50 %, 1,280 records, 1,280/s, 1 s left\u001b[K`,
  ]);
  bar.end();
  expect(written.at(-1)).toBe("\r\u001b[K");
  const narrow = shown({ isTTY: true, columns: 12 });
  narrow.read(1280, 1000);
  expect(narrow.written).toEqual(["\r50 %, 1,280\u001b[K"]);
});

it("without a terminal a line comes every ten seconds, and none for what is done before", () => {
  const { bar, read, written } = shown({});
  read(256, 9_000);
  bar.end();
  expect(written).toEqual([]);
  read(256, 7_000);
  expect(written).toEqual(["sluice: 20 %, 512 records, 32/s, 2 min left\n"]);
});
