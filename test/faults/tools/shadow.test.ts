import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Files, nodeFiles, type OpenFile, replaceFile } from "../../../src/journal/files.ts";
import { temporaryFolder } from "../../hosts/folder.ts";
import { closeWithFile } from "../../hosts/open.ts";
import { FaultControl, powerLoss, settle } from "./control.ts";
import type { PowerLossOptions } from "./power-loss.ts";
import { isNoted, Shadow } from "./shadow.ts";

/** The module breaks nodeFiles of this very process, for one data directory; each test takes a segment of its own. */
describe("what a power loss leaves", () => {
  let control: FaultControl;
  let dataDir: string;
  let journal: string;
  let files: Files;
  let segment: string;
  let count = 0;

  beforeAll(async () => {
    control = await FaultControl.make();
    closeWithFile(control);
    const folder = await temporaryFolder("shadow");
    closeWithFile({ [Symbol.asyncDispose]: () => folder.remove() });
    dataDir = join(folder.path, "data");
    journal = join(dataDir, "journal");
    await mkdir(journal, { recursive: true });
    Object.assign(process.env, control.env, { SLUICE_DATA_DIR: dataDir });
    await import("../inside/disk.ts");
    files = nodeFiles;
  });
  afterAll(() => {
    delete process.env.SLUICE_DATA_DIR;
  });
  beforeEach(() => {
    control.set({ disk: {} });
    settle(control, dataDir);
    count += 1;
    segment = join(journal, `${String(count).padStart(16, "0")}.log`);
  });

  const name = (): string => `journal/${String(count).padStart(16, "0")}.log`;
  const write = (file: OpenFile, text: string, at: number) => file.write([Buffer.from(text)], at);
  const text = (): Promise<string> => readFile(segment, "utf8");
  const lose = (options?: PowerLossOptions) => powerLoss(control, dataDir, options);

  async function synced(content: string): Promise<OpenFile> {
    const file = await files.open(segment, "wx+");
    await write(file, content, 0);
    await file.sync();
    await files.syncFolder(journal);
    return file;
  }

  it("is what was synced, and of nothing more", async () => {
    const file = await synced("durable");
    await write(file, " and not", 7);
    expect(await text()).toBe("durable and not");
    expect(await lose()).toEqual({ droppedBytes: 8, droppedFiles: [], restoredFiles: [] });
    expect(await text()).toBe("durable");
    await file.close();
  });

  it("is no file whose folder was not synced", async () => {
    const file = await files.open(segment, "wx+");
    await write(file, "durable", 0);
    await file.sync();
    await file.close();
    expect(await lose()).toEqual({ droppedBytes: 7, droppedFiles: [name()], restoredFiles: [] });
    await expect(text()).rejects.toThrow("ENOENT");
  });

  it("is an empty file where only the folder was synced", async () => {
    const file = await files.open(segment, "wx+");
    await write(file, "not durable", 0);
    await files.syncFolder(journal);
    await file.close();
    expect(await lose()).toMatchObject({ droppedBytes: 11, droppedFiles: [] });
    expect(await text()).toBe("");
  });

  it("is the old content where a rename was not followed by a sync of its folder", async () => {
    const cursor = join(dataDir, "cursor.json");
    await replaceFile(files, cursor, "first");
    await files.syncFolder(dataDir);
    for (const next of ["second", "third", "fourth"]) await replaceFile(files, cursor, next);
    await lose();
    expect(await readFile(cursor, "utf8")).toBe("first");
    settle(control, dataDir);
    await replaceFile(files, cursor, "fifth");
    await files.syncFolder(dataDir);
    expect(await lose()).toEqual({ droppedBytes: 0, droppedFiles: [], restoredFiles: [] });
    expect(await readFile(cursor, "utf8")).toBe("fifth");
  });

  it("is a removed file again, unless its folder was synced", async () => {
    await (await synced("still there")).close();
    await files.remove(segment);
    expect(await lose()).toMatchObject({ restoredFiles: [name()] });
    expect(await text()).toBe("still there");
    settle(control, dataDir);
    await files.remove(segment);
    await files.syncFolder(journal);
    expect(await lose()).toMatchObject({ restoredFiles: [] });
    await expect(text()).rejects.toThrow("ENOENT");
  });

  it("is what stood before a truncation that was not synced", async () => {
    const file = await synced("0123456789");
    await file.truncate(4);
    await lose();
    expect(await text()).toBe("0123456789");
    settle(control, dataDir);
    const again = await files.open(segment, "r+");
    await again.truncate(4);
    await write(again, "x", 4);
    await again.sync();
    await lose();
    expect(await text()).toBe("0123x");
    await Promise.all([file.close(), again.close()]);
  });

  it("is not what a failed sync took, until it is written again", async () => {
    const file = await synced("good");
    control.set({ disk: { sync: "EIO" } });
    await write(file, " lost", 4);
    await expect(file.sync()).rejects.toMatchObject({ code: "EIO" });
    control.set({ disk: {} });
    await write(file, " more", 9);
    await file.sync();
    await lose();
    expect(await text()).toBe("good\0\0\0\0\0 more");

    settle(control, dataDir);
    control.set({ disk: { sync: "EIO" } });
    await write(file, " lost", 4);
    await expect(file.sync()).rejects.toMatchObject({ code: "EIO" });
    control.set({ disk: {} });
    await write(file, " kept", 4);
    await file.sync();
    await lose();
    expect(await text()).toBe("good kept more");
    await file.close();
  });

  it("is what a process wrote that was killed, once the next one has synced the file", async () => {
    const file = await synced("first");
    await write(file, " killed", 5);
    await file.close();
    // As a process does that starts behind a kill: all that it knows is on disk.
    const next = new Shadow(control.shadow, dataDir);
    next.adopt();
    const noted = next.opened(segment, "as it was");
    noted.wrote(12, 0);
    noted.syncing().done();
    noted.close();
    await lose();
    expect(await text()).toBe("first killed");
  });

  it("is not what a failed sync took from a process that was killed, before the next one writes it again", async () => {
    const file = await synced("good");
    control.set({ disk: { sync: "EIO" } });
    await write(file, " lost", 4);
    await expect(file.sync()).rejects.toMatchObject({ code: "EIO" });
    await file.close();
    const next = new Shadow(control.shadow, dataDir).opened(segment, "as it was");
    next.syncing().done();
    next.close();
    expect(await text()).toBe("good lost");
    await lose();
    expect(await text()).toBe("good\0\0\0\0\0");
  });

  it("is no folder whose own name was not synced, if asked for", async () => {
    const damaged = join(journal, `damaged-${count}`);
    await files.makeFolder(damaged);
    await files.syncFolder(damaged);
    const file = await files.open(join(damaged, "aside"), "wx+");
    await file.sync();
    await file.close();
    await files.syncFolder(damaged);
    expect(await lose({ foldersToo: true })).toMatchObject({
      droppedFiles: [`journal/damaged-${count}/aside`],
    });
    await expect(readFile(join(damaged, "aside"))).rejects.toThrow("ENOENT");
  });

  it("is everything that others write, as they wrote it", async () => {
    for (const file of ["lock.sqlite", "last-known-good.json", "dead-letters.jsonl"]) {
      expect(isNoted(dataDir, join(dataDir, file))).toBe(false);
      await writeFile(join(dataDir, file), "theirs");
    }
    await lose();
    expect(await readFile(join(dataDir, "dead-letters.jsonl"), "utf8")).toBe("theirs");
  });

  it("cannot be told without notes", async () => {
    const other = await FaultControl.make();
    closeWithFile(other);
    await expect(powerLoss(other, dataDir)).rejects.toThrow("no notes");
  });
});
