import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { FailingFiles } from "./failing-files.ts";
import {
  instance,
  KiB,
  makeDir,
  numbersOf,
  openJournal,
  range,
  readAll,
  recordsOf,
  rendering,
  segmentsIn,
} from "./harness.ts";

describe.each(process.platform === "linux" ? ["Linux"] : [])("%s", () => {
  /** Whether this process has the file open so that each write waits for the disk (proc(5), fdinfo). */
  function isWrittenThrough(file: string): boolean {
    const links = fs.readdirSync("/proc/self/fd").map((fd) => path.join("/proc/self/fd", fd));
    const own = links.find((link) => fs.existsSync(link) && fs.readlinkSync(link) === file)!;
    const info = fs.readFileSync(own.replace("/fd/", "/fdinfo/"), "utf8");
    const flags = Number.parseInt(/^flags:\s*([0-7]+)$/m.exec(info)![1]!, 8);
    return (flags & fs.constants.O_DSYNC) === fs.constants.O_DSYNC;
  }

  it.each(["fsync", "write"] as const)(
    "is asked to bring each write to the disk only where answers wait for it: %s",
    async (sync) => {
      const { dir, append } = await openJournal(makeDir(), { sync });
      await append();
      const [segment] = segmentsIn(dir);
      expect(isWrittenThrough(fs.realpathSync(segment!))).toBe(sync === "fsync");
    },
  );
});

describe("appending", () => {
  it("gives back what was appended, in order, with its numbers", async () => {
    const { dir, append, journal } = await openJournal(makeDir());
    const kept = await Promise.all([
      append("logins", "alice", "one"),
      append("proxies", "alice.ssh", "Grüße, 世界 \u{1f600} \n\t\"'"),
      append("logins", "", "three"),
    ]);
    expect(kept).toEqual([{ ok: true }, { ok: true }, { ok: true }]);
    const { epoch } = journal;
    expect(recordsOf(await readAll(dir))).toEqual([
      {
        journalseq: 1,
        sequence: 1,
        epoch,
        stream: "logins",
        key: "alice",
        event: rendering("one")({ sequence: 1, journalseq: 1 }),
      },
      {
        journalseq: 2,
        sequence: 1,
        epoch,
        stream: "proxies",
        key: "alice.ssh",
        event: rendering("Grüße, 世界 \u{1f600} \n\t\"'")({ sequence: 1, journalseq: 2 }),
      },
      {
        journalseq: 3,
        sequence: 2,
        epoch,
        stream: "logins",
        key: "",
        event: rendering("three")({ sequence: 2, journalseq: 3 }),
      },
    ]);
  });

  it("counts per topic, also where streams share one", async () => {
    const { dir, append } = await openJournal(makeDir(), {
      topicOf: (stream) => (stream === "bridge" ? "b" : "all"),
    });
    await Promise.all([
      append("logins"),
      append("bridge"),
      append("proxies"),
      append("heartbeats"),
      append("bridge"),
    ]);
    expect(recordsOf(await readAll(dir)).map(({ sequence }) => sequence)).toEqual([1, 1, 2, 3, 2]);
  });

  it("syncs once for all that waits", async () => {
    const { journal, append } = await openJournal(makeDir());
    await Promise.all(range(1, 500).map(() => append()));
    expect(journal.stats()).toMatchObject({
      syncs: 1,
      durableJournalseq: 500,
      lastJournalseq: 500,
      queuedBytes: 0,
    });
  });

  it("moves the shared durable position with each sync", async () => {
    const { journal, append } = await openJournal(makeDir());
    const position = new BigInt64Array(journal.durable);
    expect(Atomics.load(position, 0)).toBe(0n);
    await append();
    expect(Atomics.load(position, 0)).toBe(1n);
    const woken = Atomics.waitAsync(position, 0, 1n).value;
    await append();
    expect(await woken).toBe("ok");
    expect(Atomics.load(position, 0)).toBe(2n);
  });

  it("resolves only after the record, and the name of its segment, have been synced", async () => {
    const files = new FailingFiles();
    const { append } = await openJournal(makeDir(), { files });
    files.done.length = 0;
    await append();
    const segment = "0000000000000001.log";
    const steps = ["remove", "open", "write", "write", "sync"].map((step) => `${step} ${segment}`);
    expect(files.done).toEqual([...steps, "sync journal"]);
    await append();
    expect(files.done.slice(6)).toEqual([`write ${segment}`, `sync ${segment}`]);
  });

  it("makes the name of its folder durable before anything is in it", async () => {
    const files = new FailingFiles();
    const dir = makeDir();
    await openJournal(dir, { files });
    expect(files.done).toContain(`sync ${path.basename(dir)}`);
  });

  it("keeps a newline within an event from breaking the line", async () => {
    const { dir, journal } = await openJournal(makeDir());
    await journal.append("logins", "k", () => '{"a":\n1}');
    expect(recordsOf(await readAll(dir)).map(({ event }) => event)).toEqual(['{"a": 1}']);
  });

  it("keeps a record that is larger than a batch, and names one that is too large for a reader", async () => {
    const { dir, append, announced, nextAnnounced, journal } = await openJournal(makeDir(), {
      maxBytes: 64 * KiB * KiB,
    });
    const told = nextAnnounced();
    expect(await append("logins", "k", "x".repeat(1024 * KiB))).toEqual({ ok: true });
    const kept = await append("logins", "k", "x".repeat(17 * KiB * KiB));
    expect(kept).toEqual({ ok: false, failure: "journal_io", queued: false });
    await told;
    expect(announced).toMatchObject([
      {
        cause: "journal_io",
        journalseq: { first: 2, last: 2 },
        topics: { "sluice.logins": { first: 2, last: 2 } },
        count: 1,
      },
    ]);
    expect(numbersOf(await readAll(dir))).toEqual([1, 3]);
    expect(journal.stats().lostRecords).toBe(1);
  });

  it("takes no numbers for an event that cannot be rendered", async () => {
    const { dir, append, journal } = await openJournal(makeDir());
    const broken = (): string => {
      throw new Error("no event");
    };
    expect(() => journal.append("logins", "k", broken)).toThrow("no event");
    await append();
    expect(recordsOf(await readAll(dir))).toMatchObject([{ journalseq: 1, sequence: 1 }]);
  });

  it("can be read with cut and jq: the seventh column is the event", async () => {
    const { dir, append } = await openJournal(makeDir());
    await append("logins", "tab\there", "x");
    const lines = fs.readFileSync(segmentsIn(dir)[0]!, "utf8").trimEnd().split("\n");
    const events = lines.map((line) => JSON.parse(line.split("\t").slice(6).join("\t")));
    expect(events).toMatchObject([
      { version: 1, first: 1, previous: 0, instance },
      { sequence: 1, text: "x" },
    ]);
  });

  it("lets nobody else read its files", async () => {
    const { dir, append } = await openJournal(makeDir());
    await append();
    const folder = path.join(dir, "journal");
    const modes = ["", "gap", path.basename(segmentsIn(dir)[0]!)].map(
      (name) => fs.statSync(path.join(folder, name)).mode & 0o777,
    );
    expect(modes.map((mode) => mode.toString(8))).toEqual(["700", "600", "600"]);
  });
});

describe("epochs", () => {
  it("numbers on over epochs, restarts sequences, and says where the one before stood", async () => {
    const dir = makeDir();
    const first = await openJournal(dir);
    expect(first.previous).toBeNull();
    await Promise.all([first.append("logins"), first.append("logins"), first.append("bridge")]);
    await first.journal.close(1000);

    const second = await openJournal(dir);
    expect(second.losses).toEqual([]);
    expect(second.previous).toEqual({
      epoch: first.journal.epoch,
      topics: { "sluice.logins": 2, "sluice.bridge": 1 },
    });
    expect(second.journal.stats()).toMatchObject({ lastJournalseq: 3, durableJournalseq: 3, segments: 1 });
    await second.append("logins");
    expect(recordsOf(await readAll(dir)).at(-1)).toMatchObject({
      journalseq: 4,
      sequence: 1,
      epoch: second.journal.epoch,
    });
    expect(segmentsIn(dir).map((file) => path.basename(file))).toEqual([
      "0000000000000001.log",
      "0000000000000004.log",
    ]);
  });

  it("leaves no segment behind of an epoch that wrote nothing", async () => {
    const dir = makeDir();
    const first = await openJournal(dir);
    await first.append();
    await first.journal.close(1000);
    const silent = await openJournal(dir);
    await silent.journal.close(1000);
    const third = await openJournal(dir);
    expect(third.previous?.epoch).toBe(first.journal.epoch);
    expect(segmentsIn(dir)).toHaveLength(1);
  });

  it("knows the sequences of an epoch from its last segment alone", async () => {
    const dir = makeDir();
    const first = await openJournal(dir, { segmentBytes: 4 * KiB });
    for (const _ of range(1, 10))
      await Promise.all(range(1, 10).map(() => first.append("logins", "k", "x".repeat(200))));
    await first.append("bridge");
    await first.journal.close(1000);
    const segments = segmentsIn(dir);
    expect(segments.length).toBeGreaterThan(3);
    for (const file of segments.slice(0, -1)) fs.rmSync(file);
    const second = await openJournal(dir);
    expect(second.previous?.topics).toEqual({ "sluice.logins": 100, "sluice.bridge": 1 });
    expect(second.journal.stats().lastJournalseq).toBe(101);
  });

  it("goes on behind the cursor when the journal was restored from an older copy", async () => {
    const dir = makeDir();
    const cursor = {
      version: 1,
      instance,
      journalseq: 40,
      ahead: { t: { partitions: 6, through: { 3: 57 } } },
    };
    fs.writeFileSync(path.join(dir, "cursor.json"), JSON.stringify(cursor));
    const { append, journal } = await openJournal(dir);
    await append();
    expect(numbersOf(await readAll(dir))).toEqual([58]);
    expect(journal.stats().acknowledgedJournalseq).toBe(40);
  });
});

describe("closing", () => {
  it("writes what is queued and takes nothing more", async () => {
    const { dir, journal, append } = await openJournal(makeDir());
    const last = append();
    const closed = journal.close(1000);
    expect(await append()).toEqual({ ok: false, failure: "journal_closed", queued: false });
    await closed;
    expect(await last).toEqual({ ok: true });
    expect(numbersOf(await readAll(dir))).toEqual([1]);
  });
});

describe("journal.sync = write", () => {
  it("resolves before the sync and syncs 100 ms later, for all at once", async () => {
    const { clock, journal, append } = await openJournal(makeDir(), { sync: "write" });
    const position = new BigInt64Array(journal.durable);
    expect(await append()).toEqual({ ok: true });
    expect(await append()).toEqual({ ok: true });
    expect(journal.stats()).toMatchObject({ syncs: 0, durableJournalseq: 0 });
    const synced = Atomics.waitAsync(position, 0, 0n).value;
    clock.advance(100);
    expect(await synced).toBe("ok");
    expect(journal.stats()).toMatchObject({ syncs: 1, durableJournalseq: 2 });
  });

  it("syncs on closing", async () => {
    const { journal, append } = await openJournal(makeDir(), { sync: "write" });
    await append();
    await journal.close(1000);
    expect(journal.stats()).toMatchObject({ syncs: 1, durableJournalseq: 1 });
  });

  it("syncs a segment before it begins the next", async () => {
    const { dir, journal, append } = await openJournal(makeDir(), { sync: "write", segmentBytes: 4 * KiB });
    for (const _ of range(1, 30)) await append("logins", "k", "x".repeat(300));
    expect(segmentsIn(dir).length).toBeGreaterThan(2);
    expect(journal.stats().syncs).toBe(segmentsIn(dir).length - 1);
    expect(numbersOf(await readAll(dir))).toEqual(range(1, 30));
    for (const file of segmentsIn(dir)) {
      const header = JSON.parse(fs.readFileSync(file, "utf8").split("\n")[0]!.split("\t")[6]!);
      expect([header.previous, header.sequences]).toEqual([
        header.first - 1,
        header.first === 1 ? {} : { "sluice.logins": header.first - 1 },
      ]);
    }
  });
});
