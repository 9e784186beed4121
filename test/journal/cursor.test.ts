import fs from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { cursorPath, highestIn, loadCursor, saveCursor } from "../../src/journal/cursor.ts";
import { instanceOf } from "../../src/journal/identity.ts";
import { FailingFiles } from "./failing-files.ts";
import { instance, makeDir } from "./harness.ts";

const cursor = {
  instance,
  journalseq: 7,
  ahead: { "sluice.logins": { partitions: 6, through: { "0": 9, "5": 12 } } },
};

it("a cursor comes back as it was saved", async () => {
  const dir = makeDir();
  await saveCursor(dir, cursor);
  expect(await loadCursor(dir, instance)).toEqual({ cursor, reason: null });
  expect(fs.readdirSync(dir)).toEqual(["cursor.json"]);
  expect(highestIn(cursor)).toBe(12);
});

it("no cursor yet is no reason to worry", async () => {
  expect(await loadCursor(makeDir(), instance)).toEqual({ cursor: null, reason: null });
  expect(highestIn(null)).toBe(0);
});

it.each([
  ["cut short", '{"version":1,"inst'],
  ["empty", ""],
  ["of another version", JSON.stringify({ version: 2, ...cursor })],
  ["of another instance", JSON.stringify({ version: 1, ...cursor, instance: "i_ffffffffffffffff" })],
  ["with an impossible number", JSON.stringify({ version: 1, ...cursor, journalseq: -1 })],
])("a cursor that is %s means: from the oldest, and says why", async (_what, content) => {
  const dir = makeDir();
  fs.writeFileSync(cursorPath(dir), content);
  const found = await loadCursor(dir, instance);
  expect(found.cursor).toBeNull();
  expect(found.reason).toContain("cursor.json");
});

it("a cursor that cannot be replaced stays as it was", async () => {
  const dir = makeDir();
  await saveCursor(dir, cursor);
  const files = new FailingFiles();
  files.rename = () => Promise.reject(new Error("no"));
  await expect(saveCursor(dir, { ...cursor, journalseq: 8 }, files)).rejects.toThrow("no");
  expect((await loadCursor(dir, instance)).cursor).toEqual(cursor);
});

it("an instance id is made once and stays", async () => {
  const dir = path.join(makeDir(), "data");
  const made = await instanceOf(dir);
  expect(made).toMatch(/^i_[0-9a-f]{16}$/);
  expect(await instanceOf(dir)).toBe(made);
  expect(await instanceOf(makeDir())).not.toBe(made);
});

it("an instance file that holds something else is refused, with the way out", async () => {
  const dir = makeDir();
  fs.writeFileSync(path.join(dir, "instance"), "frps-1\n");
  await expect(instanceOf(dir)).rejects.toMatchObject({
    code: "data_dir_unusable",
    message: expect.stringContaining("delete the file"),
  });
});
