import fs from "node:fs";
import { describe, expect, it } from "vitest";
import { nodeFiles } from "../../src/journal/files.ts";
import { snapshotPath } from "../../src/sessions/snapshot-file.ts";
import { Snapshots } from "../../src/sessions/snapshots.ts";
import { makeDir } from "../journal/harness.ts";
import { newUserConn } from "./ops.ts";
import { Site, withSnapshot } from "./site.ts";
import { World } from "./world.ts";

const unusable = "the snapshot cannot be used";

describe("a snapshot that cannot be used", () => {
  const rewritten = (change: (header: Record<string, unknown>) => object) => (file: string) => {
    const [first, ...rest] = fs.readFileSync(file, "utf8").split("\n");
    fs.writeFileSync(file, [JSON.stringify(change(JSON.parse(first!))), ...rest].join("\n"));
  };
  const cases: readonly (readonly [name: string, harm: (file: string, site: Site) => void])[] = [
    ["empty", (file) => fs.truncateSync(file, 0)],
    ["cut off in a line", (file) => fs.truncateSync(file, fs.statSync(file).size - 5)],
    [
      "cut off behind a line",
      (file) => fs.writeFileSync(file, fs.readFileSync(file, "utf8").replace(/[^\n]*\n$/, "")),
    ],
    ["longer than it was", (file) => fs.appendFileSync(file, "[]\n")],
    ["no text at all", (file) => fs.writeFileSync(file, Buffer.alloc(4096))],
    ["of a later version", rewritten((header) => ({ ...header, version: 99 }))],
  ];

  it.each(cases)("%s, is said and the journal is read instead", async (_, harm) => {
    const site = await withSnapshot();
    const anew = await site.killed((dir) => harm(snapshotPath(dir), site));
    expect(anew.opened.log.lines.filter((line) => line.includes(unusable))).toHaveLength(1);
    expect(anew.through).toBe(0);
    expect(anew.openIds).toEqual(site.openIds);
  });

  it.each([
    ["of another instance", { instance: "i_other", through: 2 }, "it is of instance i_other"],
    [
      "newer than the journal",
      { instance: "i_0123456789abcdef", through: 99 },
      "it is newer than the journal",
    ],
  ])("%s, is said and the journal is read instead", async (_, header, problem) => {
    const site = await withSnapshot();
    const foreign = new World();
    foreign.ask(newUserConn({ user: "mallory" }));
    const anew = await site.killed((dir) => {
      fs.rmSync(snapshotPath(dir));
    });
    const snapshots = new Snapshots({
      sessions: foreign.sessions,
      instance: header.instance,
      dataDir: anew.dir,
      through: 0,
      files: nodeFiles,
      clock: anew.clock,
      log: anew.opened.log,
      given: () => header.through,
      durable: () => header.through,
      onCovered: () => {},
    });
    await snapshots.write();
    const last = await anew.killed();
    expect(last.opened.log.lines.filter((line) => line.includes(unusable)).join()).toContain(problem);
    expect(last.openIds).toEqual(site.openIds);
  });

  it("wherever a byte of it has turned, is found out", async () => {
    const site = await withSnapshot();
    const bytes = fs.statSync(snapshotPath(site.dir)).size;
    for (let at = 0; at < bytes; at += 17) {
      const anew = await site.killed((dir) => {
        const content = fs.readFileSync(snapshotPath(dir));
        content[at]! ^= 1 << (at % 7);
        fs.writeFileSync(snapshotPath(dir), content);
      });
      expect(
        anew.opened.log.lines.filter((line) => line.includes(unusable)),
        `byte ${at}`,
      ).toHaveLength(1);
      expect(anew.openIds).toEqual(site.openIds);
    }
  });
});

describe("a disk that fails", () => {
  const failure = (code: string) => Object.assign(new Error(code), { code });

  it.each(["write", "sync"] as const)("at %s leaves the snapshot before, and takes no room", async (step) => {
    let broken = false;
    const files = {
      ...nodeFiles,
      open: async (...asked: Parameters<typeof nodeFiles.open>) => {
        const file = await nodeFiles.open(...asked);
        return {
          ...file,
          [step]: (...with_: Parameters<typeof file.write>) => {
            if (!broken) return step === "write" ? file.write(...with_) : file.sync();
            return Promise.reject(failure("ENOSPC"));
          },
        };
      },
    };
    const site = await Site.open(makeDir(), { files });
    await site.ask(newUserConn());
    await site.snapshots.write();
    const before = fs.readFileSync(snapshotPath(site.dir));
    broken = true;
    await site.ask(newUserConn({ from: "203.0.113.9:2" }));
    await site.snapshots.write();
    expect(site.opened.log.lines.join()).toContain("no snapshot could be written");
    expect(fs.readFileSync(snapshotPath(site.dir))).toEqual(before);
    expect(fs.existsSync(`${snapshotPath(site.dir)}.tmp`)).toBe(false);
    expect((await site.killed()).openIds).toEqual(site.openIds);
    broken = false;
    await site.snapshots.write();
    expect((await site.killed()).through).toBe(2);
  });

  it("or a kill that left half a snapshot beside its place does no harm", async () => {
    const site = await withSnapshot();
    const anew = await site.killed((dir) => fs.writeFileSync(`${snapshotPath(dir)}.tmp`, "x".repeat(9999)));
    expect(anew.openIds).toEqual(site.openIds);
    expect(anew.opened.log.lines.join()).not.toContain(unusable);
    await anew.snapshots.write();
    expect(fs.existsSync(`${snapshotPath(anew.dir)}.tmp`)).toBe(false);
    expect((await anew.killed()).openIds).toEqual(site.openIds);
  });
});
