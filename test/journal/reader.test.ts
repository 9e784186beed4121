import fs from "node:fs";
import { describe, expect, it } from "vitest";
import { nodeFiles } from "../../src/journal/files.ts";
import { openReader, type ReadItem } from "../../src/journal/reader.ts";
import { lastRecords } from "../../src/journal/tail.ts";
import { FailingFiles } from "./failing-files.ts";
import { KiB, lossesOf, makeDir, numbersOf, openJournal, range, readAll, segmentsIn } from "./harness.ts";

async function openBoth(options: Parameters<typeof openJournal>[1] = {}, from: number | "oldest" = "oldest") {
  const journal = await openJournal(makeDir(), options);
  const reader = await openReader({ dir: journal.dir, from });
  const readOn = async (upTo = journal.journal.stats().durableJournalseq): Promise<ReadItem[]> => {
    const items: ReadItem[] = [];
    for (let more = await reader.next(KiB, upTo); more.length > 0; more = await reader.next(KiB, upTo))
      items.push(...more);
    return items;
  };
  return { ...journal, reader, readOn };
}

describe("a reader beside the writer", () => {
  it("gives each record once, as it becomes durable, over all segments", async () => {
    const { append, readOn, dir } = await openBoth({ segmentBytes: 2 * KiB });
    expect(await readOn()).toEqual([]);
    const seen: number[] = [];
    for (const _ of range(1, 30)) {
      await Promise.all(range(1, 3).map((n) => append("logins", "k", "x".repeat(n * 40))));
      seen.push(...numbersOf(await readOn()));
    }
    expect(seen).toEqual(range(1, 90));
    expect(segmentsIn(dir).length).toBeGreaterThan(5);
  });

  it("gives nothing above the position it was allowed, and goes on there later", async () => {
    const { append, readOn } = await openBoth();
    await Promise.all(range(1, 10).map(() => append()));
    expect(numbersOf(await readOn(4))).toEqual([1, 2, 3, 4]);
    expect(await readOn(4)).toEqual([]);
    expect(numbersOf(await readOn(5))).toEqual([5]);
    expect(numbersOf(await readOn(10))).toEqual(range(6, 10));
  });

  it("looks into the folder once, however often it is asked for what it may give", async () => {
    const { append, dir } = await openBoth();
    let lists = 0;
    const list = (folder: string): Promise<string[]> => {
      lists++;
      return nodeFiles.list(folder);
    };
    const reader = await openReader({ dir, from: "oldest", files: { ...nodeFiles, list } });
    for (const n of range(1, 5)) {
      await append();
      expect(numbersOf(await reader.next(KiB * KiB, n))).toEqual([n]);
    }
    expect(lists).toBe(1);
  });

  it.each([1, 2, 17, 59, 60])("begins at %i when asked to", async (from) => {
    const { append, readOn, dir } = await openBoth({ segmentBytes: 2 * KiB }, from);
    for (const _ of range(1, 20)) await Promise.all([append(), append(), append()]);
    expect(segmentsIn(dir).length).toBeGreaterThan(2);
    expect(numbersOf(await readOn())).toEqual(range(from, 60));
  });

  it("stops at the number of bytes asked for, but for one record that is larger", async () => {
    const { append, reader } = await openBoth();
    await Promise.all(range(1, 5).map(() => append("logins", "k", "x".repeat(5000))));
    expect(numbersOf(await reader.next(1, 5))).toEqual([1]);
    expect(numbersOf(await reader.next(6000, 5))).toEqual([2, 3]);
    expect(numbersOf(await reader.next(1_000_000, 5))).toEqual([4, 5]);
  });

  it("reads a record that is larger than its chunks", async () => {
    const { append, readOn } = await openBoth({ maxBytes: 64 * KiB * KiB });
    await append("logins", "k", "ü".repeat(700 * KiB));
    await append();
    const items = await readOn();
    expect(numbersOf(items)).toEqual([1, 2]);
    expect("record" in items[0]! && JSON.parse(items[0].record.event).text.length).toBe(700 * KiB);
  });

  it("reads a segment to its end that is removed meanwhile, and names what went before it came there", async () => {
    const { append, reader, readOn, dir } = await openBoth({ segmentBytes: 2 * KiB });
    for (const _ of range(1, 40)) await append("logins", "k", "x".repeat(100));
    expect(numbersOf(await reader.next(1, 40))).toEqual([1]);
    const [first, second, third, ...others] = segmentsIn(dir);
    for (const file of [first!, second!, third!]) fs.rmSync(file);
    expect(others.length).toBeGreaterThan(0);
    const [endOfFirst, oldestKept] = [second!, others[0]!].map((file) => Number(file.slice(-20, -4)));
    const items = await readOn();
    expect(numbersOf(items)).toEqual([...range(2, endOfFirst! - 1), ...range(oldestKept!, 40)]);
    expect(lossesOf(items)).toMatchObject([{ journalseq: { first: endOfFirst, last: oldestKept! - 1 } }]);
  });

  it("names what is gone when it should begin with a record that is not kept any more", async () => {
    const { append, dir } = await openBoth({ segmentBytes: 2 * KiB });
    for (const _ of range(1, 40)) await append("logins", "k", "x".repeat(100));
    const [first, second] = segmentsIn(dir);
    fs.rmSync(first!);
    const items = await readAll(dir, 3);
    const oldestKept = Number(second!.slice(-20, -4));
    expect(lossesOf(items)).toMatchObject([
      { journalseq: { first: 3, last: oldestKept - 1 }, count: oldestKept - 3 },
    ]);
    expect(numbersOf(items)).toEqual(range(oldestKept, 40));
  });

  it("waits at half a line and goes on when the rest is there", async () => {
    const { append, reader, dir } = await openBoth();
    await Promise.all([append(), append()]);
    const [file] = segmentsIn(dir);
    const whole = fs.readFileSync(file!);
    fs.writeFileSync(file!, whole.subarray(0, -20));
    expect(numbersOf(await reader.next(KiB, Infinity))).toEqual([1]);
    expect(await reader.next(KiB, Infinity)).toEqual([]);
    fs.writeFileSync(file!, whole);
    expect(numbersOf(await reader.next(KiB, Infinity))).toEqual([2]);
  });

  it("goes on in the next epoch, also where that gives a number again that was never durable", async () => {
    const files = new FailingFiles();
    const dir = makeDir();
    const first = await openJournal(dir, { files });
    await first.append();
    const reader = await openReader({ dir, from: 1 });
    const sync = files.hold("sync");
    void first.append("logins", "k", "never durable");
    await sync.reached;
    expect(numbersOf(await reader.next(KiB, Infinity))).toEqual([1, 2]);
    const [file] = segmentsIn(dir);
    const bytes = fs.readFileSync(file!);
    fs.truncateSync(file!, bytes.length - 30);
    const second = await openJournal(dir);
    await second.append("logins", "k", "durable");
    const items = await reader.next(KiB, Infinity);
    expect(numbersOf(items)).toEqual([2]);
    expect(lossesOf(items)).toEqual([]);
    sync.release();
  });

  it("finds the segment that replaced the one it waits in", async () => {
    const files = new FailingFiles();
    const { append, reader, readOn, clock, log } = await openBoth({ files });
    files.fail("sync", "EIO");
    await append();
    expect(numbersOf(await reader.next(KiB, 0))).toEqual([]);
    expect(numbersOf(await reader.next(KiB, Infinity))).toEqual([1]);
    files.mend();
    const again = log.next("records are written again");
    clock.advance(1000);
    await again;
    await append();
    expect(numbersOf(await readOn())).toEqual([2]);
  });
});

describe("the newest records", () => {
  it.each([1, 5, 40, 100])("are given oldest first, %i of them, over all segments", async (count) => {
    const { append, dir } = await openJournal(makeDir(), { segmentBytes: 2 * KiB });
    for (const _ of range(1, 40)) await append("logins", "k", "x".repeat(100));
    const numbers = (await lastRecords(dir, count)).map(({ journalseq }) => journalseq);
    expect(numbers).toEqual(range(Math.max(1, 41 - count), 40));
  });

  it("are found from the end of a segment, however large its records", async () => {
    const { append, dir, journal } = await openJournal(makeDir(), {
      segmentBytes: 64 * KiB * KiB,
      maxBytes: 256 * KiB * KiB,
    });
    for (const _ of range(1, 6)) await append("logins", "k", "x".repeat(150 * KiB));
    const records = await lastRecords(dir, 3);
    expect(records.map(({ journalseq }) => journalseq)).toEqual([4, 5, 6]);
    expect(records[0]).toMatchObject({ epoch: journal.epoch, sequence: 4, stream: "logins", key: "k" });
  });

  it("are none where there is no journal", async () => {
    expect(await lastRecords(makeDir(), 10)).toEqual([]);
    expect(await readAll(makeDir())).toEqual([]);
  });
});
