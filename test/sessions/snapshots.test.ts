import fs from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { nodeFiles } from "../../src/journal/files.ts";
import { snapshotPath, snapshotVersion, writeSnapshot } from "../../src/sessions/snapshot-file.ts";
import { Snapshots } from "../../src/sessions/snapshots.ts";
import { FailingFiles } from "../journal/failing-files.ts";
import { KiB, makeDir, numbersOf, openJournal, readAll } from "../journal/harness.ts";
import { closeUserConn, login, newUserConn, ping } from "./ops.ts";
import { Site, withSnapshot } from "./site.ts";
import { allowed, World } from "./world.ts";

const client = "c_00000000000000a1";

describe("a snapshot", () => {
  it("stands for the journal before it: what was open is open, and the journal is read from there on", async () => {
    const site = await withSnapshot();
    await site.ask(closeUserConn({ from: "203.0.113.9:1" }));
    await site.ask(ping({ client }));
    const anew = await site.killed();
    expect(anew.openIds).toEqual(site.openIds);
    expect(anew.through).toBe(2);
    expect(anew.opened.log.lines.join()).toContain(`"open":2,"records":5`);
    expect(anew.derived).toEqual([]);
  });

  it("that is written at the stop leaves nothing to be read, and without news none is written", async () => {
    const site = await withSnapshot();
    await site.snapshots.close();
    const anew = await site.killed();
    expect(anew.openIds).toEqual(site.openIds);
    expect(anew.opened.log.lines.join()).toContain(`"open":3,"records":0`);
    fs.rmSync(snapshotPath(anew.dir));
    await anew.snapshots.close();
    expect(fs.existsSync(snapshotPath(anew.dir))).toBe(false);
  });

  it("is not written before what a crash left has been derived", async () => {
    const site = await Site.open(makeDir());
    await site.ask(newUserConn());
    site.sessions.beginRecovery();
    await site.snapshots.close();
    expect(fs.existsSync(snapshotPath(site.dir))).toBe(false);
  });

  it("is not put in place before what it holds is on disk", async () => {
    const files = new FailingFiles();
    const site = await Site.open(makeDir(), { journal: { files } });
    const held = files.hold("sync");
    const kept = site.ask(newUserConn());
    await held.reached;
    const writing = site.snapshots.write();
    const polled = Promise.withResolvers<void>();
    const { after } = site.clock;
    site.clock.after = (delayMs, task) => {
      polled.resolve();
      return after.call(site.clock, delayMs, task);
    };
    await polled.promise;
    expect(fs.existsSync(snapshotPath(site.dir))).toBe(false);
    held.release();
    await kept;
    site.clock.advance(20);
    await writing;
    expect(fs.existsSync(snapshotPath(site.dir))).toBe(true);
  });

  it("is made a few lines at a time: others run in between", async () => {
    let made = 0;
    function* lines(): Generator<string> {
      while (made < 5_000) yield `[${++made},"${"x".repeat(150)}"]`;
    }
    const header = { version: snapshotVersion, instance: "i", through: 1 };
    const writing = writeSnapshot(makeDir(), header, lines(), async () => true, nodeFiles);
    let atOnce = 0;
    for (let before = 0; made < 5_000; before = made) {
      await nextTurn();
      atOnce = Math.max(atOnce, made - before);
    }
    expect(await writing).toBeGreaterThan(5_000 * 150);
    expect(atOnce).toBeLessThan(150);
  });

  it("is given up when that takes longer than 5 s, and the one before stays", async () => {
    const site = await withSnapshot();
    const before = fs.readFileSync(snapshotPath(site.dir));
    const covered: number[] = [];
    const clock = site.clock;
    const parts = { instance: "i", dataDir: site.dir, through: 2, files: nodeFiles, clock };
    const snapshots = new Snapshots({
      ...parts,
      sessions: site.sessions,
      log: site.opened.log,
      given: () => 9,
      durable: () => 8,
      onCovered: (through) => covered.push(through),
    });
    let given = false;
    const writing = snapshots.write().then(() => {
      given = true;
    });
    const startedMs = clock.monotonic();
    while (!given) {
      await nextTurn();
      clock.advance(20);
    }
    await writing;
    expect(clock.monotonic() - startedMs).toBeGreaterThan(5_000);
    expect(fs.readFileSync(snapshotPath(site.dir))).toEqual(before);
    expect(fs.existsSync(`${snapshotPath(site.dir)}.tmp`)).toBe(false);
    expect(covered).toEqual([2]);
  });

  it("is written by itself after 5,000 records, or a quarter of the open sessions, and not before", async () => {
    const world = new World();
    for (let n = 0; n < 24_000; n++) {
      const op = newUserConn({ from: `10.0.${n >> 8}.${n & 255}:1` });
      world.sessions.record(op, allowed, `${n}`, world.sessions.begin(op, `${n}`), 0);
    }
    for (const [sessions, enough] of [
      [new World().sessions, 5_000],
      [world.sessions, 6_000],
    ] as const) {
      const dir = makeDir();
      let given = enough - 1;
      const written = Promise.withResolvers<number>();
      const parts = { instance: "i", dataDir: dir, through: 0, files: nodeFiles, clock: world.clock };
      new Snapshots({
        ...parts,
        sessions,
        log: { info() {}, warn() {}, error() {} },
        given: () => given,
        durable: () => given,
        onCovered: (through) => through > 0 && written.resolve(through),
      });
      world.clock.advance(10_000);
      given++;
      world.clock.advance(10_000);
      expect(await written.promise).toBe(enough);
    }
  });
});

describe("the journal", () => {
  const limits = { segmentBytes: 4 * KiB, maxBytes: 32 * KiB, keepMs: 600_000 };

  async function filled(records: number) {
    const opened = await openJournal(makeDir(), limits);
    for (let n = 0; n < records; n++) await opened.append("logins", "k", "x".repeat(280));
    opened.journal.acknowledged(records);
    return opened;
  }

  it("keeps beyond keepMs what no snapshot covers, and lets it go once one does", async () => {
    const { dir, journal, clock, log } = await filled(50);
    journal.covered(20);
    let removed = log.next("old segments are removed");
    clock.advance(660_000);
    await removed;
    const [first] = numbersOf(await readAll(dir));
    expect(first).toBeGreaterThan(1);
    expect(first).toBeLessThanOrEqual(21);
    removed = log.next("old segments are removed");
    journal.covered(50);
    clock.advance(60_000);
    await removed;
    expect(journal.stats().segments).toBe(1);
  });

  it("gives that up when it needs the room", async () => {
    const { dir, journal, append } = await filled(50);
    journal.covered(0);
    let last = await append();
    for (let n = 0; n < 200 && last.ok; n++) {
      last = await append("logins", "k", "x".repeat(280));
      journal.acknowledged(journal.stats().durableJournalseq);
    }
    expect(last).toEqual({ ok: true });
    expect(numbersOf(await readAll(dir))[0]).toBeGreaterThan(50);
  });

  it("is told what the snapshot in place covers, from the start on", async () => {
    const site = await withSnapshot();
    const covered: number[] = [];
    const anew = await site.killed();
    const { covered: tell } = anew.opened.journal;
    anew.opened.journal.covered = (through) => {
      covered.push(through);
      tell.call(anew.opened.journal, through);
    };
    await anew.snapshots.write();
    expect(anew.through).toBe(2);
    expect(covered).toEqual([3]);
  });
});

it("a client that is confirmed at two frps with one run id is confirmed at each, and not again after a kill", async () => {
  const site = await Site.open(makeDir());
  for (const node of ["edge-1", "edge-2"]) {
    await site.ask(login({ node, client }));
    await site.ask({ ...ping({ node, client }), name: "NewWorkConn" });
  }
  expect(site.derived.map(({ type }) => type)).toEqual(["login.confirmed", "login.confirmed"]);
  const anew = await site.killed();
  for (const node of ["edge-1", "edge-2"]) await anew.ask(ping({ node, client }));
  expect(anew.derived).toEqual([]);
});
