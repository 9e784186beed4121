import fs from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { writeLine } from "../../src/journal/line.ts";
import {
  copyOfDir,
  KiB,
  lossesOf,
  makeDir,
  numbersOf,
  openJournal,
  range,
  readAll,
  recordsOf,
  segmentsIn,
  type TestJournal,
} from "./harness.ts";

/** Groups of records that are appended together, by the length of their texts. */
const anyAppends = fc.array(fc.array(fc.nat(300), { minLength: 1, maxLength: 6 }), {
  minLength: 1,
  maxLength: 8,
});
const streams = ["logins", "proxies", "heartbeats"] as const;

async function written(groups: readonly (readonly number[])[], segmentBytes: number): Promise<TestJournal> {
  const journal = await openJournal(makeDir(), { segmentBytes });
  for (const group of groups) {
    await Promise.all(
      group.map((length) => journal.append(streams[length % 3], `k${length}`, "ü".repeat(length))),
    );
  }
  await journal.journal.close(1000);
  return journal;
}

function flip(file: string, at: number, mask: number): number {
  const bytes = fs.readFileSync(file);
  bytes[at]! ^= mask;
  fs.writeFileSync(file, bytes);
  return bytes[at]!;
}

/** Opens again, appends one record, and gives its number with everything that can be read. */
async function reopened(dir: string) {
  const { losses, append, journal, log, previous } = await openJournal(dir, {
    announce: async () => ({ ok: true }),
  });
  expect(await append()).toEqual({ ok: true });
  return { losses, log, previous, next: journal.stats().lastJournalseq, items: await readAll(dir) };
}

describe("whatever happens to the files", () => {
  it("a journal cut at any byte gives back all that stands whole before the cut, and numbers on", async () => {
    await fc.assert(
      fc.asyncProperty(anyAppends, fc.nat(), async (groups, where) => {
        const { dir } = await written(groups, 2 * KiB);
        const last = segmentsIn(dir).at(-1)!;
        const cutAt = where % (fs.statSync(last).size + 1);
        const whole = (await readAll(dir)).filter((item) => {
          if (!("record" in item) || item.position.segment !== last) return true;
          const start = item.position.offset;
          return start + fs.readFileSync(last).subarray(start).indexOf(10) + 1 <= cutAt;
        });
        fs.truncateSync(last, cutAt);

        const { losses, next, items } = await reopened(dir);
        expect(losses).toEqual([]);
        expect(lossesOf(items)).toEqual([]);
        expect(recordsOf(items).slice(0, -1)).toEqual(recordsOf(whole));
        expect(next).toBe((numbersOf(whole).at(-1) ?? 0) + 1);
      }),
      { numRuns: 60 },
    );
  });

  it("one byte flipped anywhere loses one record at most, names exactly that one, and reuses no number", async () => {
    await fc.assert(
      fc.asyncProperty(
        anyAppends,
        fc.nat(),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        async (groups, which, where, mask) => {
          const { dir } = await written(groups, 2 * KiB);
          const before = await readAll(dir);
          const segments = segmentsIn(dir);
          const file = segments[which % segments.length]!;
          // A new newline in the last line makes two of it, and then one number more is named.
          fc.pre(flip(file, where % fs.statSync(file).size, mask) !== 0x0a);

          const { losses, next, items } = await reopened(dir);
          const found = numbersOf(items);
          const lost = numbersOf(before).filter((number) => !found.includes(number));
          expect(lost.length).toBeLessThanOrEqual(1);
          const named = lost.map((number) => ({ journalseq: { first: number, last: number }, count: 1 }));
          expect(lossesOf([...items])).toMatchObject(
            file === segments.at(-1) && isLast(lost, before) ? [] : named,
          );
          expect(losses).toMatchObject(file === segments.at(-1) ? named : []);
          expect(next).toBe(numbersOf(before).length + 1);
          expect(found).toEqual([...numbersOf(before).filter((number) => !lost.includes(number)), next]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("several cuts, flips and insertions never keep it from opening, and never bring a record twice", async () => {
    const harm = fc.record({
      what: fc.constantFrom("flip", "cut", "insert", "zero"),
      which: fc.nat(),
      where: fc.nat(),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 100 }),
    });
    await fc.assert(
      fc.asyncProperty(anyAppends, fc.array(harm, { maxLength: 5 }), async (groups, harms) => {
        const { dir } = await written(groups, 2 * KiB);
        const before = new Map(
          recordsOf(await readAll(dir)).map((record) => [record.journalseq, record.event]),
        );
        for (const { what, which, where, bytes } of harms) {
          const segments = segmentsIn(dir);
          const file = segments[which % segments.length]!;
          const content = fs.readFileSync(file);
          const at = where % (content.length + 1);
          const rest = { flip: at + 1, cut: content.length, insert: at, zero: at + bytes.length }[what];
          const put = {
            flip: bytes.subarray(0, 1),
            cut: [],
            insert: bytes,
            zero: Buffer.alloc(bytes.length),
          }[what];
          fs.writeFileSync(
            file,
            Buffer.concat([content.subarray(0, at), Buffer.from(put), content.subarray(rest)]),
          );
        }
        const { next, items } = await reopened(dir);
        const numbers = numbersOf(items);
        expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
        expect(numbers.at(-1)).toBe(next);
        for (const { journalseq, event } of recordsOf(items).slice(0, -1))
          expect(event).toBe(before.get(journalseq));
        const gone = [...before.keys()].filter(
          (number) => number < numbers.at(-2)! && !numbers.includes(number),
        );
        const named = lossesOf(items).flatMap(({ journalseq: { first, last } }) => range(first, last!));
        expect(named).toEqual(expect.arrayContaining(gone));
      }),
      { numRuns: 60 },
    );
  });
});

function isLast(lost: readonly number[], before: Awaited<ReturnType<typeof readAll>>): boolean {
  return lost[0] === numbersOf(before).at(-1);
}

describe("the end of the last segment", () => {
  it.each([
    ["zeros", (line: Buffer) => Buffer.alloc(line.length * 3)],
    ["half a line", (line: Buffer) => line.subarray(0, line.length / 2)],
    ["a line without its newline, cut one byte short", (line: Buffer) => line.subarray(0, -1)],
    ["half a line and zeros", (line: Buffer) => Buffer.concat([line.subarray(0, 70), Buffer.alloc(4096)])],
  ])(
    "is cut off when it holds %s, as a crash leaves it, and nobody is told of a loss",
    async (_what, tail) => {
      const { dir } = await written([[1, 2, 3]], 64 * KiB);
      const [file] = segmentsIn(dir);
      const sizeBefore = fs.statSync(file!).size;
      const line = Buffer.alloc(300);
      const end = writeLine(line, 0, 4, 2, "logins", '"k"', JSON.stringify({ text: "x".repeat(100) }));
      fs.appendFileSync(file!, tail(line.subarray(0, end)));
      const { losses, next, items } = await reopened(dir);
      expect(losses).toEqual([]);
      expect(fs.statSync(file!).size).toBe(sizeBefore);
      expect(next).toBe(4);
      expect(numbersOf(items)).toEqual([1, 2, 3, 4]);
    },
  );

  it("is set aside and named when it is a whole record that does not check out", async () => {
    const { dir, journal } = await written([[1, 2, 3]], 64 * KiB);
    const [file] = segmentsIn(dir);
    const bytes = fs.readFileSync(file!);
    const lastLine = bytes.lastIndexOf(10, bytes.length - 2) + 1;
    flip(file!, bytes.length - 10, 1);
    const { losses, next } = await reopened(dir);
    expect(losses).toEqual([
      {
        epoch: journal.epoch,
        cause: "journal_damaged",
        journalseq: { first: 3, last: 3 },
        topics: {},
        count: 1,
      },
    ]);
    expect(next).toBe(4);
    const aside = fs.readFileSync(path.join(dir, "journal/damaged", `${path.basename(file!)}@${lastLine}`));
    expect(aside.length).toBe(bytes.length - lastLine);
  });
});

describe("damage in the middle", () => {
  it("of a newline costs the record before it alone", async () => {
    const { dir } = await written([[1, 2, 3]], 64 * KiB);
    const [file] = segmentsIn(dir);
    const third = (await readAll(dir))[2]!;
    flip(file!, "position" in third ? third.position.offset - 1 : 0, 1);
    const { losses, items } = await reopened(dir);
    expect(numbersOf(items)).toEqual([1, 3, 4]);
    expect(losses).toMatchObject([{ journalseq: { first: 2, last: 2 }, count: 1 }]);
  });

  it("is set aside, named with its topics, counted, and announced behind the first record", async () => {
    const { dir, journal: before } = await written([[3], [0], [1], [4], [6]], 64 * KiB);
    const [file] = segmentsIn(dir);
    const third = (await readAll(dir))[2]!;
    flip(file!, "position" in third ? third.position.offset + 60 : 0, 4);

    const { announced, append, journal, losses, nextAnnounced, dir: _ } = await openJournal(dir);
    const loss = {
      epoch: before.epoch,
      cause: "journal_damaged",
      journalseq: { first: 3, last: 3 },
      topics: { "sluice.proxies": { first: 1, last: 1 } },
      count: 1,
    };
    expect(losses).toEqual([loss]);
    expect(journal.stats()).toMatchObject({ damagedRecords: 1, lostRecords: 1 });
    expect(fs.readdirSync(path.join(dir, "journal/damaged"))).toHaveLength(1);
    const told = nextAnnounced();
    await append();
    await told;
    expect(announced).toEqual([loss]);
    expect(lossesOf(await readAll(dir))).toEqual([loss]);
  });

  it("stays to be announced when the process ends before that", async () => {
    const { dir } = await written([[1], [2], [3]], 64 * KiB);
    const second = (await readAll(dir))[1]!;
    flip(segmentsIn(dir)[0]!, "position" in second ? second.position.offset + 60 : 0, 4);
    const { losses, journal } = await openJournal(dir);
    expect(losses).toHaveLength(1);
    await journal.close(0);

    const silent = await openJournal(dir, {
      announce: async () => ({ ok: false, failure: "journal_io", queued: false }),
    });
    expect(silent.losses).toContainEqual(losses[0]);
    await silent.append();
    await silent.journal.close(0);
    expect((await openJournal(dir)).losses).toContainEqual(losses[0]);
  });

  it("is named by the reader when a whole segment is missing, with the topics it held", async () => {
    const { dir, journal } = await written(
      range(1, 40).map((n) => [n]),
      2 * KiB,
    );
    const segments = segmentsIn(dir);
    const gone = segments[2]!;
    const inIt = recordsOf(
      (await readAll(dir)).filter((item) => "record" in item && item.position.segment === gone),
    );
    fs.rmSync(gone);
    const [loss, ...others] = lossesOf(await readAll(dir));
    expect(others).toEqual([]);
    expect(loss).toMatchObject({
      epoch: journal.epoch,
      cause: "journal_damaged",
      journalseq: { first: inIt[0]!.journalseq, last: inIt.at(-1)!.journalseq },
      count: inIt.length,
    });
    const ofLogins = inIt.filter(({ stream }) => stream === "logins").map(({ sequence }) => sequence);
    expect(loss!.topics["sluice.logins"]).toEqual({ first: ofLogins[0], last: ofLogins.at(-1) });
  });
});

describe("other files", () => {
  it("that are not ours are left alone, with one log line", async () => {
    const { dir } = await written([[1]], 64 * KiB);
    const stray = path.join(dir, "journal", "notes.txt");
    fs.writeFileSync(stray, "mine");
    const { log, next } = await reopened(dir);
    expect(next).toBe(2);
    expect(fs.readFileSync(stray, "utf8")).toBe("mine");
    expect(log.lines.filter((line) => line.includes("notes.txt"))).toHaveLength(1);
  });

  it("of an unknown format keep it from starting, with the file and the way out", async () => {
    const { dir } = await written([[1]], 64 * KiB);
    const line = Buffer.alloc(200);
    const end = writeLine(line, 0, 2, 0, "#segment", '""', JSON.stringify({ version: 2, first: 2 }));
    const file = path.join(dir, "journal", "0000000000000002.log");
    fs.writeFileSync(file, line.subarray(0, end));
    await expect(openJournal(dir)).rejects.toMatchObject({
      code: "journal_damaged",
      message: expect.stringMatching(
        /0000000000000002\.log is of journal format 2.*move its data directory away/,
      ),
    });
    await expect(readAll(dir)).rejects.toMatchObject({ code: "journal_damaged" });
  });

  it("by another instance are numbered on, but are no epoch of ours", async () => {
    const { dir } = await written([[1]], 64 * KiB);
    const other = await openJournal(dir, { instance: "i_ffffffffffffffff" });
    expect(other.previous).toBeNull();
    expect(other.journal.stats().lastJournalseq).toBe(1);
  });
});

it("a copy of a running journal opens with every record that was acknowledged before the copy", async () => {
  const running = await openJournal(makeDir());
  for (const _ of range(1, 20)) await running.append();
  const { items, losses } = await reopened(copyOfDir(running.dir));
  expect(losses).toEqual([]);
  expect(numbersOf(items)).toEqual(range(1, 21));
});
