import { describe, expect, it } from "vitest";
import { SharedMark } from "../../src/forwarder/durable-mark.ts";
import { saveCursor } from "../../src/journal/cursor.ts";
import { FailingFiles } from "./failing-files.ts";
import {
  KiB,
  lossesOf,
  makeDir,
  numbersOf,
  openJournal,
  range,
  readAll,
  segmentsIn,
  type TestJournal,
} from "./harness.ts";

const limits = { segmentBytes: 4 * KiB, maxBytes: 16 * KiB };

/** About 400 bytes each, one write each. */
async function fillWith({ append }: Pick<TestJournal, "append">, records: number) {
  let last = await append("logins", "k", "x".repeat(280));
  for (let written = 1; written < records && last.ok; written++)
    last = await append("logins", "k", "x".repeat(280));
  return last;
}

describe("with forwarding", () => {
  it("fills up to maxBytes with what is not acknowledged, and then is full", async () => {
    const { dir, journal, append } = await openJournal(makeDir(), limits);
    expect(await fillWith({ append }, 1000)).toEqual({ ok: false, failure: "journal_full", queued: true });
    const { bytes, durableJournalseq } = journal.stats();
    expect(bytes).toBeLessThanOrEqual(limits.maxBytes);
    expect(bytes).toBeGreaterThan(limits.maxBytes - KiB);
    expect(numbersOf(await readAll(dir))).toEqual(range(1, durableJournalseq));
  });

  it("goes on by itself when Kafka has confirmed the oldest segment", async () => {
    const { dir, journal, append, log } = await openJournal(makeDir(), limits);
    await fillWith({ append }, 1000);
    const oldest = segmentsIn(dir)[0];
    const again = log.next("records are written again");
    journal.acknowledged(journal.stats().durableJournalseq);
    await again;
    expect(await append()).toEqual({ ok: true });
    expect(segmentsIn(dir)).not.toContain(oldest);
    expect(journal.stats().lostRecords).toBe(0);
  });

  it("goes on in parts when more waits than there is room for at once", async () => {
    const { dir, journal, append, log } = await openJournal(makeDir(), { ...limits, maxBytes: 256 * KiB });
    await fillWith({ append }, 1000);
    for (let waiting = 0; waiting < 1500; waiting++) void append("logins", "k", "x".repeat(280));
    expect(journal.stats().queuedBytes).toBeGreaterThan(2 * 256 * KiB);
    let all = false;
    const again = log.next("records are written again").then(() => {
      all = true;
    });
    const durable = new SharedMark(journal.durable);
    while (!all) {
      const through = durable.read();
      journal.acknowledged(through);
      await Promise.race([again, durable.above(through)]);
    }
    expect(journal.stats()).toMatchObject({ lostRecords: 0, queuedBytes: 0 });
    expect(numbersOf(await readAll(dir)).at(-1)).toBe(journal.stats().lastJournalseq);
  });

  it("counts as not acknowledged the segments that must stay, and tells how long the oldest record waits", async () => {
    const { journal, clock, append } = await openJournal(makeDir(), limits);
    await fillWith({ append }, 30);
    clock.advance(5000);
    const waiting = (): number[] => {
      const { bytes, unacknowledgedBytes, oldestUnacknowledgedMs } = journal.stats();
      return [bytes - unacknowledgedBytes, oldestUnacknowledgedMs];
    };
    expect(waiting()).toEqual([0, 5000]);
    journal.acknowledged(29);
    const [over] = waiting();
    expect(over).toBeGreaterThan(2 * limits.segmentBytes - 2 * KiB);
    journal.acknowledged(30);
    expect(journal.stats()).toMatchObject({ unacknowledgedBytes: 0, oldestUnacknowledgedMs: 0 });
    await append();
    expect(journal.stats().unacknowledgedBytes).toBeLessThanOrEqual(limits.segmentBytes);
    expect(journal.stats().unacknowledgedBytes).toBeGreaterThan(0);
  });

  it("keeps acknowledged segments for keepMs, and not longer", async () => {
    const { dir, journal, clock, append, log } = await openJournal(makeDir(), { ...limits, keepMs: 600_000 });
    await fillWith({ append }, 30);
    journal.acknowledged(30);
    const segments = segmentsIn(dir).length;
    expect(segments).toBeGreaterThan(2);
    clock.advance(540_000);
    expect(segmentsIn(dir)).toHaveLength(segments);
    const removed = log.next("old segments are removed");
    clock.advance(60_000);
    await removed;
    await append();
    expect(journal.stats().segments).toBe(1);
    expect(numbersOf(await readAll(dir)).at(-1)).toBe(31);
  });

  it("keeps no record longer than twice keepMs because its segment fills slowly", async () => {
    const { dir, journal, clock, append, log } = await openJournal(makeDir(), { ...limits, keepMs: 600_000 });
    await append();
    clock.advance(601_000);
    await append();
    journal.acknowledged(2);
    const removed = log.next("old segments are removed");
    clock.advance(660_000);
    await removed;
    await append();
    expect(numbersOf(await readAll(dir))).toEqual([2, 3]);
  });

  it("never removes a segment with a record that is not acknowledged, however old", async () => {
    const { dir, journal, clock, append, log } = await openJournal(makeDir(), { ...limits, keepMs: 1000 });
    await fillWith({ append }, 30);
    journal.acknowledged(10);
    const removed = log.next("old segments are removed");
    clock.advance(60_000);
    await removed;
    await append();
    const numbers = numbersOf(await readAll(dir));
    expect(numbers[0]).toBeGreaterThan(1);
    expect(numbers).toEqual(range(numbers[0]!, 31));
    expect(numbers[0]).toBeLessThanOrEqual(11);
  });

  it("gives up acknowledged segments early when the disk itself is full", async () => {
    const files = new FailingFiles();
    const { dir, journal, append } = await openJournal(makeDir(), { ...limits, files });
    await fillWith({ append }, 30);
    journal.acknowledged(30);
    const before = segmentsIn(dir).length;
    files.remove = async (path) => {
      files.mend();
      await FailingFiles.prototype.remove.call(files, path);
    };
    files.fill(0);
    expect(await append()).toEqual({ ok: true });
    expect(segmentsIn(dir).length).toBeLessThan(before + 1);
  });

  it("takes the acknowledged position from the cursor of the run before", async () => {
    const dir = makeDir();
    const first = await openJournal(dir, limits);
    await fillWith(first, 30);
    await first.journal.close(1000);
    await saveCursor(dir, { instance: "i_0123456789abcdef", journalseq: 30, ahead: {} });
    const second = await openJournal(dir, limits);
    expect(await fillWith(second, 100)).toEqual({ ok: false, failure: "journal_full", queued: true });
    expect(numbersOf(await readAll(dir))[0]).toBe(31);
  });
});

describe("embedded", () => {
  const embedded = { ...limits, forwarding: false };

  it("the oldest segment goes when room is needed, and nothing is ever full", async () => {
    const { dir, journal, append } = await openJournal(makeDir(), embedded);
    expect(await fillWith({ append }, 200)).toEqual({ ok: true });
    expect(journal.stats().bytes).toBeLessThanOrEqual(limits.maxBytes);
    expect(journal.stats()).toMatchObject({ unacknowledgedBytes: 0, oldestUnacknowledgedMs: 0 });
    const numbers = numbersOf(await readAll(dir));
    expect(numbers).toEqual(range(numbers[0]!, 200));
    expect(numbers.length).toBeGreaterThan(20);
  });

  it("turning Kafka on later forwards from the oldest record kept, with no gap announced for what went before", async () => {
    const { dir, append } = await openJournal(makeDir(), embedded);
    await fillWith({ append }, 200);
    const items = await readAll(dir, 1);
    expect(lossesOf(items)).toEqual([]);
    expect(numbersOf(items)[0]).toBeGreaterThan(1);
  });

  it("segments are small enough for maxBytes whatever segmentBytes says", async () => {
    const { dir, journal, append } = await openJournal(makeDir(), {
      ...embedded,
      segmentBytes: 64 * KiB * KiB,
    });
    expect(await fillWith({ append }, 200)).toEqual({ ok: true });
    expect(journal.stats().bytes).toBeLessThanOrEqual(limits.maxBytes);
    expect(segmentsIn(dir).length).toBeGreaterThan(1);
  });
});
