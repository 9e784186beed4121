/** What only real processes and a real full disk can show. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { SluiceError } from "../../src/errors.ts";
import { lockDataDir } from "../../src/journal/lock.ts";
import { KiB, lossesOf, makeDir, numbersOf, openJournal, range, readAll, recordsOf } from "./harness.ts";

const appender = path.join(import.meta.dirname, "appending-process.ts");

/** Resolves with what the process acknowledged, once it is dead. */
async function killAfter(lines: number, dir: string, epoch: string): Promise<number[]> {
  const child = spawn(process.execPath, [appender, dir, epoch], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
    if (out.length > lines * 4) child.kill("SIGKILL");
  });
  await closed(child);
  return out.slice(0, out.lastIndexOf("\n")).split("\n").map(Number);
}

function closed(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.once("close", () => resolve()));
}

describe("kill -9 while appending at speed", () => {
  it("loses no acknowledged record, leaves no gap and reuses no number, three times over", async () => {
    const dir = makeDir();
    const acknowledged: number[] = [];
    for (const epoch of ["one", "two", "three"]) acknowledged.push(...(await killAfter(2000, dir, epoch)));
    expect(acknowledged.length).toBeGreaterThan(3000);
    expect(new Set(acknowledged).size).toBe(acknowledged.length);

    const { losses } = await openJournal(dir, { maxBytes: 256 * KiB * KiB });
    const items = await readAll(dir);
    const numbers = numbersOf(items);
    expect([losses, lossesOf(items)]).toEqual([[], []]);
    expect(numbers).toEqual(range(1, numbers.length));
    expect(Math.max(...acknowledged)).toBeLessThanOrEqual(numbers.length);
    for (const epoch of ["one", "two", "three"]) {
      const ofEpoch = recordsOf(items).filter((record) => record.epoch === epoch);
      expect(ofEpoch.map(({ sequence }) => sequence)).toEqual(range(1, ofEpoch.length));
    }
  });
});

describe("the lock on the data directory", () => {
  it("is refused to a second process at once, and free as soon as the first one is killed", async () => {
    const dir = makeDir();
    const script = `import { lockDataDir } from ${JSON.stringify(path.resolve("src/journal/lock.ts"))};
      lockDataDir(${JSON.stringify(dir)});
      console.log("held");
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    await new Promise((resolve) => child.stdout.once("data", resolve));
    let refusal: unknown;
    try {
      lockDataDir(dir);
    } catch (thrown) {
      refusal = thrown;
    }
    expect(refusal).toBeInstanceOf(SluiceError);
    expect(refusal).toMatchObject({
      code: "data_dir_in_use",
      message: expect.stringContaining(`in which another process works (pid ${child.pid}): stop it`),
    });
    const gone = closed(child);
    child.kill("SIGKILL");
    await gone;
    lockDataDir(dir).release();
  });

  it("is had by exactly one of several that reach for it in the same moment", async () => {
    const [dir, rounds] = [makeDir(), 200];
    // Each keeps what it got, so that whoever comes late is refused as well.
    const script = `import { lockDataDir } from ${JSON.stringify(path.resolve("src/journal/lock.ts"))};
      process.stdin.once("data", (startMs) => {
        const won = [];
        for (let round = 0; round < ${rounds}; round++) {
          while (performance.timeOrigin + performance.now() < Number(startMs) + 2 * round);
          try {
            lockDataDir(${JSON.stringify(dir)} + "/" + round);
            won.push(round);
          } catch (thrown) {
            if (thrown.code !== "data_dir_in_use") throw thrown;
          }
        }
        console.log(JSON.stringify(won));
      });
      console.log("up");`;
    const children = Array.from({ length: 2 }, () => {
      const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", script], {
        stdio: ["pipe", "pipe", "inherit"],
      });
      onTestFinished(() => void child.kill("SIGKILL"));
      return child;
    });
    const line = (child: (typeof children)[number]): Promise<string> =>
      new Promise((resolve) => child.stdout.once("data", (text) => resolve(String(text))));
    await Promise.all(children.map(line));
    const told = children.map(line);
    for (const child of children) child.stdin.write(String(Date.now() + 20));
    const won = (await Promise.all(told)).flatMap((text) => JSON.parse(text) as number[]);
    expect(won.sort((a, b) => a - b)).toEqual(range(0, rounds - 1));
  });

  it("is refused twice within one process too, and can be taken again after release", () => {
    const dir = path.join(makeDir(), "deep", "data");
    const lock = lockDataDir(dir);
    expect(() => lockDataDir(dir)).toThrow(expect.objectContaining({ code: "data_dir_in_use" }));
    expect(() => lockDataDir(dir)).toThrow(expect.objectContaining({ code: "data_dir_in_use" }));
    lock.release();
    lock.release();
    lockDataDir(dir).release();
    expect(fs.statSync(path.join(dir, "lock.sqlite")).mode & 0o777).toBe(0o600);
  });

  it("says which setting is wrong when the directory cannot be used", () => {
    const file = path.join(makeDir(), "file");
    fs.writeFileSync(file, "");
    expect(() => lockDataDir(file)).toThrow(
      expect.objectContaining({
        code: "data_dir_unusable",
        message: expect.stringContaining("SLUICE_DATA_DIR"),
      }),
    );
  });
});

describe.skipIf(!mayMount())("on a file system that is really full", () => {
  it("records wait, a kill is named, and everything is written once there is room", async () => {
    const dir = makeDir();
    mountSmall(dir);
    const ballast = path.join(dir, "ballast");
    const { append, journal, log } = await openJournal(dir, {
      clock: systemClock,
      slowMs: 60_000,
      maxBytes: 64 * KiB * KiB,
    });
    expect(await append()).toEqual({ ok: true });
    fillUp(ballast);
    let kept = await append("logins", "k", "x".repeat(500));
    while (kept.ok) kept = await append("logins", "k", "x".repeat(500));
    expect(kept).toEqual({ ok: false, failure: "journal_full", queued: true });
    const gap = fs.readFileSync(path.join(dir, "journal", "gap"), "utf8");
    const { durableJournalseq, lastJournalseq } = journal.stats();
    expect(gap).toContain(`"journalseq":{"first":${durableJournalseq + 1},"last":null}`);

    const again = log.next("records are written again");
    fs.rmSync(ballast);
    await again;
    expect(await append()).toEqual({ ok: true });
    expect(numbersOf(await readAll(dir))).toEqual(range(1, lastJournalseq + 1));
    await journal.close(1000);
    expect((await openJournal(dir)).losses).toEqual([]);
  });

  it("closing names what could not be written, and the next start opens on the full disk and says so", async () => {
    const dir = makeDir();
    mountSmall(dir);
    const { append, journal } = await openJournal(dir, { clock: systemClock, slowMs: 60_000 });
    await append();
    fillUp(path.join(dir, "ballast"));
    let kept = await append("logins", "k", "x".repeat(500));
    while (kept.ok) kept = await append("logins", "k", "x".repeat(500));
    await journal.close(50);
    const { durableJournalseq, lastJournalseq } = journal.stats();
    const { losses } = await openJournal(dir);
    const journalseq = { first: durableJournalseq + 1, last: lastJournalseq };
    expect(losses).toMatchObject([
      { cause: "journal_full", journalseq, count: lastJournalseq - durableJournalseq },
    ]);
  });
});

function mayMount(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  const probe = fs.mkdtempSync("/tmp/sluice-mount-");
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", probe], { stdio: "ignore" });
    execFileSync("umount", [probe]);
    return true;
  } catch {
    return false;
  } finally {
    fs.rmdirSync(probe);
  }
}

function mountSmall(dir: string): void {
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs", dir]);
  onTestFinished(() => void execFileSync("umount", ["-l", dir]));
}

/** Takes all the room there is, to the last page. */
function fillUp(file: string): void {
  const fd = fs.openSync(file, "w");
  try {
    for (;;) fs.writeSync(fd, Buffer.alloc(4096));
  } catch (thrown) {
    expect(thrown).toMatchObject({ code: "ENOSPC" });
  } finally {
    fs.closeSync(fd);
  }
}
