import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type JournalReader, openReader, type ReadItem } from "../../../src/journal/reader.ts";
import { journalFolder } from "../../../src/journal/segment.ts";
import { lastRecords } from "../../../src/journal/tail.ts";
import { Load } from "../../app/load.ts";
import { type BridgeHost, startBridge } from "../../hosts/bridge.ts";
import {
  type Damage,
  flippedBit,
  foreignFile,
  missingCursor,
  staleCursor,
  tornTail,
  truncatedSegment,
  zeroedTail,
  zeroLengthRecord,
} from "./damage.ts";

/** A stopped bridge's journal with segments that are finished. */
async function written(): Promise<{ bridge: BridgeHost; before: number[] }> {
  const bridge = await startBridge({ "journal.segmentBytes": 64 * 1024 });
  const load = new Load({ url: bridge.url, perSecond: 1000 });
  await load.more(400);
  await load.stop();
  await bridge.kill();
  return { bridge, before: await numbers(bridge.dataDir) };
}

async function numbers(dataDir: string): Promise<number[]> {
  const records = await lastRecords(dataDir, Number.POSITIVE_INFINITY);
  return records.map(({ journalseq }) => journalseq);
}

/** Numbers that a reader from the beginning gives as damaged. */
async function damagedNumbers(dataDir: string): Promise<number[]> {
  const reader = await openReader({ dir: dataDir, from: 1 });
  const items = await all(reader);
  await reader.close();
  return items.flatMap((item) => {
    if (!("damaged" in item)) return [];
    const { first, last } = item.damaged.loss.journalseq;
    return Array.from({ length: last! - first + 1 }, (_, at) => first + at);
  });
}

async function all(reader: JournalReader): Promise<ReadItem[]> {
  const items: ReadItem[] = [];
  for (;;) {
    const next = await reader.next(1024 * 1024, Number.POSITIVE_INFINITY);
    if (next.length === 0) return items;
    items.push(...next);
  }
}

type Do = (dataDir: string, random: () => number) => Promise<Damage>;
const tails: readonly { name: string; damage: Do; says: RegExp }[] = [
  { name: "a torn tail", damage: tornTail, says: /a torn tail is cut off/ },
  { name: "a tail of NUL bytes", damage: zeroedTail, says: /a torn tail is cut off/ },
  { name: "a record of length zero", damage: zeroLengthRecord, says: /records are damaged/ },
  { name: "a foreign file", damage: foreignFile, says: /files that are not ours are left alone/ },
];

describe("a journal that has suffered", () => {
  it.each(tails)("$name has all its records and is started with a word about it", async (one) => {
    const { bridge, before } = await written();
    const { file, bytes, lost } = await one.damage(bridge.dataDir, Math.random);
    expect(lost).toEqual([]);
    expect((await readFile(file)).length).toBeGreaterThanOrEqual(bytes);
    const from = bridge.log.lines.length;
    await bridge.start();
    await bridge.log.saw(one.says, { from });
    await bridge.stop();
    const after = new Set(await numbers(bridge.dataDir));
    expect(before.filter((number) => !after.has(number))).toEqual([]);
  });

  it("one flipped bit lacks that record, and the reader names it", async () => {
    const { bridge, before } = await written();
    const { lost, file } = await flippedBit(bridge.dataDir, () => 0.3);
    expect(lost).toHaveLength(1);
    const left = await numbers(bridge.dataDir);
    expect(before.filter((number) => !left.includes(number))).toEqual(lost);
    expect(await damagedNumbers(bridge.dataDir)).toEqual(lost);
    expect(dirname(file)).toBe(journalFolder(bridge.dataDir));
  });

  it("a truncation of a finished segment lacks its second half, and the reader names it", async () => {
    const { bridge, before } = await written();
    const { lost } = await truncatedSegment(bridge.dataDir);
    expect(lost.length).toBeGreaterThan(1);
    const left = await numbers(bridge.dataDir);
    expect(before.filter((number) => !left.includes(number))).toEqual(lost);
    expect(await damagedNumbers(bridge.dataDir)).toEqual(lost);
  });

  it("the loss or the age of its cursor has another one or none", async () => {
    const { bridge } = await written();
    await expect(missingCursor(bridge.dataDir)).rejects.toThrow("ENOENT");
    const { file } = await staleCursor(bridge.dataDir, '{"old":true}');
    expect(await readFile(file, "utf8")).toBe('{"old":true}');
    expect((await missingCursor(bridge.dataDir)).bytes).toBe(12);
    await expect(readFile(file)).rejects.toThrow("ENOENT");
  });
});

describe("a bit of a record in the middle", () => {
  let segments: string;
  let dataDir: string;
  let sound: Buffer;
  let before: number[];
  beforeAll(async () => {
    const { bridge, before: there } = await written();
    dataDir = bridge.dataDir;
    before = there;
    segments = join(journalFolder(dataDir), "0000000000000001.log");
    sound = await readFile(segments);
  });

  it("costs that record alone, whichever bit it is", async () => {
    const lines = sound.toString("latin1").trimEnd().split("\n");
    const inMiddle = lines.slice(2, -1).map((line) => Number(line.slice(18, 34)));
    await fc.assert(
      fc.asyncProperty(
        fc.noShrink(fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 4, maxLength: 4 })),
        async (row) => {
          const left = [...row];
          left[0] = 0;
          const { lost, file } = await flippedBit(dataDir, () => left.shift()!);
          expect(file).toBe(segments);
          const named = await damagedNumbers(dataDir);
          const there = await numbers(dataDir);
          await writeFile(segments, sound);
          expect(before.filter((number) => !there.includes(number))).toEqual(lost);
          expect(named).toEqual(lost);
          expect(inMiddle).toContain(lost[0]);
        },
      ),
      { numRuns: 60, examples: [[[0, 0, 0, 0]], [[0, 0.999, 0, 0]]] },
    );
  });
});
