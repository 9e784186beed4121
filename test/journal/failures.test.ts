import fs from "node:fs";
import { describe, expect, it } from "vitest";
import type { Kept } from "../../src/journal/journal.ts";
import type { FileJournalOptions } from "../../src/journal/options.ts";
import { FailingFiles } from "./failing-files.ts";
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
} from "./harness.ts";

const ok: Kept = { ok: true };
const full: Kept = { ok: false, failure: "journal_full", queued: true };
const broken: Kept = { ok: false, failure: "journal_io", queued: true };
const writingAgain = "records are written again";

async function openFailing(options: Partial<FileJournalOptions> = {}) {
  const files = new FailingFiles();
  const journal = await openJournal(makeDir(), { files, ...options });
  /** Moves the clock on to the retry and waits until that has written everything. */
  const recover = async (operation?: "sync"): Promise<void> => {
    files.mend(operation);
    const again = journal.log.next(writingAgain);
    journal.clock.advance(1000);
    await again;
  };
  return { files, recover, ...journal };
}

describe.each([
  ["the disk is full", (files: FailingFiles) => files.fill(100), full],
  ["a write fails", (files: FailingFiles) => files.fail("write", "EIO"), broken],
  ["a sync fails", (files: FailingFiles) => files.fail("sync", "EIO"), broken],
  ["a sync finds no room", (files: FailingFiles) => files.fail("sync", "ENOSPC"), full],
  ["what stands in the file does not reach the disk", (files) => files.fail("through", "EIO"), broken],
  ["what stands in the file finds no room", (files) => files.fail("through", "ENOSPC"), full],
  [
    "what stands in the file finds no room and cannot be cut off again",
    (files) => {
      files.fail("through", "ENOSPC");
      files.fail("truncate", "EIO");
    },
    full,
  ],
  [
    "a write fails and cannot be cut off again",
    (files: FailingFiles) => {
      files.fill(100);
      files.fail("truncate", "EIO");
    },
    full,
  ],
])("when %s", (_what, harm, refused) => {
  it("callers hear it at once, and every record is written once that works again, with no loss to announce", async () => {
    const { dir, files, recover, append, journal, announced } = await openFailing();
    expect(await append()).toEqual(ok);
    harm(files);
    expect(await Promise.all([append("logins"), append("proxies")])).toEqual([refused, refused]);
    expect(journal.failing).toBe(true);
    expect(await append()).toEqual(refused);
    expect(numbersOf(await readAll(dir, "oldest", journal.stats().durableJournalseq))).toEqual([1]);
    await recover();
    expect(journal.failing).toBe(false);
    expect(await append()).toEqual(ok);
    const items = await readAll(dir);
    expect(numbersOf(items)).toEqual([1, 2, 3, 4, 5]);
    expect(lossesOf(items)).toEqual([]);
    expect(announced).toEqual([]);
    expect(journal.stats()).toMatchObject({ lostRecords: 0, queuedBytes: 0, durableJournalseq: 5 });
  });

  it("the very first record is not lost", async () => {
    const { dir, files, recover, append } = await openFailing();
    harm(files);
    expect(await append()).toEqual(refused);
    await recover();
    expect(numbersOf(await readAll(dir))).toEqual([1]);
    expect(segmentsIn(dir)).toHaveLength(1);
  });

  it("kill -9 is named on the next start, from the first number that did not reach the disk", async () => {
    const { dir, files, append, journal } = await openFailing();
    await Promise.all([append("logins"), append("logins")]);
    harm(files);
    await append("logins");
    await append("proxies");
    const next = await openJournal(copyOfDir(dir));
    const [loss, ...others] = next.losses;
    expect(others).toEqual([]);
    expect(loss).toMatchObject({ epoch: journal.epoch, cause: "killed_while_failing", count: null });
    const onDisk = recordsOf(await readAll(next.dir));
    expect(loss!.journalseq).toEqual({ first: onDisk.at(-1)!.journalseq + 1, last: null });
    const logins = onDisk.filter(({ stream }) => stream === "logins");
    expect(loss!.topics["sluice.logins"]).toEqual({ first: logins.at(-1)!.sequence + 1, last: null });

    const told = next.nextAnnounced();
    await next.append();
    await told;
    expect(next.announced).toEqual([loss]);
    // No number that the killed process may have given is given again.
    expect(numbersOf(await readAll(next.dir)).at(-2)).toBeGreaterThan(journal.stats().lastJournalseq);
    await next.journal.close(1000);
    expect((await openJournal(next.dir)).losses).toEqual([]);
  });

  it("closing names exactly what could not be written", async () => {
    const { dir, files, clock, append, journal } = await openFailing();
    await append("logins");
    harm(files);
    await append("logins");
    await append("bridge");
    const closed = journal.close(0);
    clock.advance(0);
    await closed;
    const next = await openJournal(dir);
    const onDisk = numbersOf(await readAll(dir)).length;
    expect(next.losses).toMatchObject(
      onDisk === 3
        ? []
        : [
            {
              epoch: journal.epoch,
              cause: (refused as { failure: string }).failure,
              journalseq: { first: onDisk + 1, last: 3 },
              count: 3 - onDisk,
            },
          ],
    );
    await next.append();
    expect(numbersOf(await readAll(dir)).at(onDisk)).toBe(4);
  });
});

it("a write that the system takes in pieces is written whole", async () => {
  const { dir, files, append } = await openFailing();
  files.shortWriteBytes = 7;
  expect(await Promise.all([append(), append("bridge", "k", "ü".repeat(50))])).toEqual([ok, ok]);
  expect(numbersOf(await readAll(dir))).toEqual([1, 2]);
});

it("after a failed sync nothing of that write is trusted: it stands again in a new segment, and is read once", async () => {
  const { dir, files, recover, append } = await openFailing();
  await append();
  files.fail("sync", "EIO");
  files.fail("truncate", "EIO");
  await append();
  await recover("sync");
  await append();
  expect(segmentsIn(dir).map((file) => file.slice(-8))).toEqual(["0001.log", "0002.log"]);
  const lines = segmentsIn(dir).map(
    (file) => fs.readFileSync(file, "latin1").trimEnd().split("\n").length - 1,
  );
  expect(lines).toEqual([2, 2]);
  expect(numbersOf(await readAll(dir))).toEqual([1, 2, 3]);
});

it("what a killed process wrote before a failed sync is written again on the next start, not just synced", async () => {
  const { dir, files, append } = await openFailing();
  files.fail("sync", "EIO");
  await append();
  const next = new FailingFiles();
  const copy = copyOfDir(dir);
  await openJournal(copy, { files: next });
  const [file] = segmentsIn(copy).map((segment) => segment.slice(-20));
  expect(next.done.filter((one) => one.endsWith(file!))).toEqual([`write ${file}`, `sync ${file}`]);
  expect(numbersOf(await readAll(copy))).toEqual([1]);
});

it("what came while the queue was written again, and was told that it waits, is still named by kill -9", async () => {
  const { dir, files, clock, append } = await openFailing();
  await append();
  files.fill(0);
  await append();
  files.mend();
  const retry = files.hold("write");
  clock.advance(1000);
  await retry.reached;
  expect(await append()).toEqual(full);
  const next = files.hold("write");
  retry.release();
  await next.reached;
  const { losses } = await openJournal(copyOfDir(dir));
  expect(losses).toMatchObject([{ cause: "killed_while_failing", journalseq: { first: 3, last: null } }]);
  next.release();
});

it("in write mode a failed sync brings records back into the queue that were already with the kernel", async () => {
  const { dir, files, recover, clock, log, append, journal } = await openFailing({ sync: "write" });
  expect(await append()).toEqual(ok);
  files.fail("sync", "EIO");
  const failing = log.next("records wait in memory");
  clock.advance(100);
  await failing;
  expect(journal.stats()).toMatchObject({ durableJournalseq: 0 });
  expect(await append()).toEqual(broken);
  await recover();
  expect(journal.stats()).toMatchObject({ durableJournalseq: 2, lostRecords: 0 });
  expect(numbersOf(await readAll(dir))).toEqual([1, 2]);
});

describe("a disk that hangs", () => {
  it("fails whoever waits after slowMs, and has lost nothing once it goes on", async () => {
    const { dir, files, clock, log, append, journal } = await openFailing({ slowMs: 750 });
    await append();
    const sync = files.hold("sync");
    const waiting = append();
    await sync.reached;
    clock.advance(749);
    expect(journal.failing).toBe(false);
    clock.advance(1);
    expect(await waiting).toEqual({ ok: false, failure: "journal_slow", queued: true });
    expect(await append()).toEqual({ ok: false, failure: "journal_slow", queued: true });
    const again = log.next(writingAgain);
    sync.release();
    await again;
    expect(await append()).toEqual(ok);
    expect(numbersOf(await readAll(dir))).toEqual([1, 2, 3, 4]);
  });

  it("and a kill -9 before it goes on is named", async () => {
    const { dir, files, clock, append } = await openFailing();
    await append();
    const write = files.hold("write");
    const waiting = append();
    await write.reached;
    clock.advance(750);
    await waiting;
    const { losses } = await openJournal(copyOfDir(dir));
    expect(losses).toMatchObject([{ cause: "killed_while_failing", journalseq: { first: 2, last: null } }]);
    write.release();
  });

  it("does not keep close() longer than its deadline", async () => {
    const { dir, files, clock, append, journal } = await openFailing();
    const sync = files.hold("sync");
    const waiting = append();
    await sync.reached;
    const closed = journal.close(500);
    clock.advance(500);
    expect(await waiting).toEqual({ ok: false, failure: "journal_slow", queued: false });
    await closed;
    const { losses, previous } = await openJournal(copyOfDir(dir));
    // The write itself went through, so after all it is there.
    expect(losses).toEqual([]);
    expect(previous?.topics).toEqual({ "sluice.logins": 1 });
    sync.release();
  });
});

describe("when memory is used up too", () => {
  it("records are dropped until all that waits is written; then one gap names exactly those, per topic", async () => {
    const { dir, files, recover, append, nextAnnounced, announced, journal } = await openFailing({
      queueBytes: 2 * KiB,
    });
    await append("logins");
    files.fill(0);
    const kept: Kept[] = [];
    for (const n of range(2, 31))
      kept.push(await append(n % 3 === 0 ? "proxies" : "logins", "k", "x".repeat(100)));
    const firstDropped = kept.findIndex((one) => !one.ok && !one.queued) + 2;
    expect(kept.slice(firstDropped - 2)).toEqual(
      range(firstDropped, 31).map(() => ({ ...full, queued: false })),
    );
    const count = 31 - firstDropped + 1;
    expect(journal.stats().lostRecords).toBe(count);
    const told = nextAnnounced();
    await recover();
    expect(await append("logins")).toEqual(ok);
    await told;
    const [loss, ...others] = announced;
    expect(others).toEqual([]);
    expect(loss).toMatchObject({
      cause: "journal_full",
      journalseq: { first: firstDropped, last: 31 },
      count,
    });

    const records = recordsOf(await readAll(dir));
    const inTopic = (stream: string): number[] =>
      records.filter((r) => r.stream === stream).map((r) => r.sequence);
    for (const stream of ["logins", "proxies"]) {
      const { first, last } = loss!.topics[`sluice.${stream}`]!;
      const seen = inTopic(stream);
      const whole = range(1, Math.max(...seen, last!));
      expect(whole.filter((sequence) => !seen.includes(sequence))).toEqual(range(first, last!));
    }
    await journal.close(1000);
    expect((await openJournal(dir)).losses).toEqual([]);
  });

  it("dropping goes on while a long queue is being written, so that the gap stays one", async () => {
    const MiB = KiB * KiB;
    const { files, append, clock, log } = await openFailing({
      queueBytes: 9 * MiB,
      segmentBytes: 64 * MiB,
      maxBytes: 512 * MiB,
      slowMs: 60_000,
    });
    await append();
    files.fill(0);
    for (const _ of range(1, 10)) await append("logins", "k", "x".repeat(MiB));
    files.mend();
    const again = log.next(writingAgain);
    const first = files.hold("write");
    clock.advance(1000);
    await first.reached;
    const second = files.hold("write");
    first.release();
    await second.reached;
    expect(await append()).toEqual({ ...full, queued: false });
    second.release();
    await again;
    expect(await append()).toEqual(ok);
  });

  it("a gap that was announced is not announced again on the next start, also after kill -9", async () => {
    const { dir, files, recover, append, log } = await openFailing({ queueBytes: KiB });
    files.fill(0);
    for (const _ of range(1, 20)) await append("logins", "k", "x".repeat(100));
    const told = log.next("losses are announced");
    await recover();
    await append();
    await told;
    expect((await openJournal(copyOfDir(dir))).losses).toEqual([]);
  });

  it("the gap survives kill -9 between writing again and announcing it", async () => {
    const never = new Promise<Kept>(() => {});
    const { dir, files, recover, append } = await openFailing({ queueBytes: KiB, announce: () => never });
    files.fill(0);
    for (const _ of range(1, 20)) await append("logins", "k", "x".repeat(100));
    await recover();
    await append();
    const { losses } = await openJournal(copyOfDir(dir));
    expect(losses).toMatchObject([{ cause: "journal_full", journalseq: { last: 20 } }]);
    expect(losses[0]!.count).toBe(20 - losses[0]!.journalseq.first + 1);
  });

  it("a gap that could not be announced is announced again", async () => {
    const answers: Kept[] = [{ ok: false, failure: "journal_slow", queued: false }, ok];
    const asked: number[] = [];
    const second = Promise.withResolvers<void>();
    const { files, recover, append, clock, log } = await openFailing({
      queueBytes: KiB,
      async announce(loss) {
        asked.push(loss.journalseq.first);
        if (asked.length === 2) second.resolve();
        return answers.shift()!;
      },
    });
    files.fill(0);
    for (const _ of range(1, 20)) await append("logins", "k", "x".repeat(100));
    await recover();
    await append();
    expect(log.lines.join("\n")).toContain(writingAgain);
    await append();
    clock.advance(1000);
    await second.promise;
    expect(asked).toEqual([asked[0], asked[0]]);
  });
});

it("works on without its gap file when that cannot be written, and says so", async () => {
  const { files, recover, append, log } = await openFailing();
  await append();
  files.fill(0);
  files.fail("write", "EIO", "gap");
  expect(await append()).toEqual(full);
  expect(log.lines.join("\n")).toContain("the gap file cannot be written");
  await recover();
  expect(await append()).toEqual(ok);
});

it("a gap file that cannot be read counts as a loss of unknown size", async () => {
  const { dir, append, journal } = await openJournal(makeDir());
  await append();
  await journal.close(1000);
  const gap = `${dir}/journal/gap`;
  const bytes = fs.readFileSync(gap);
  bytes[20]! ^= 1;
  fs.writeFileSync(gap, bytes);
  const { losses } = await openJournal(dir);
  expect(losses).toMatchObject([
    { cause: "killed_while_failing", journalseq: { first: 2, last: null }, epoch: journal.epoch },
  ]);
});
