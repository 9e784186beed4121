import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { fileOutput } from "../../src/export/output.ts";
import { type Folder, temporaryFolder } from "../hosts/folder.ts";

let folder: Folder;
beforeAll(async () => {
  folder = await temporaryFolder("output");
});
afterAll(() => folder.remove());

it("is in its place when all has been written, and not before", async () => {
  const path = join(folder.path, "whole");
  const output = await fileOutput(path);
  await output.write("first\n");
  expect(readdirSync(folder.path)).not.toContain("whole");
  await output.write("second\n");
  await output.finish();
  await output.discard();
  expect(readFileSync(path, "utf8")).toBe("first\nsecond\n");
});

it("leaves nothing behind when it is not to be", async () => {
  const before = readdirSync(folder.path);
  const output = await fileOutput(join(folder.path, "part"));
  await output.write("first\n");
  await output.discard();
  expect(readdirSync(folder.path)).toEqual(before);
});

it("takes the place of nothing but a plain file, and says where it cannot be", async () => {
  const [link, sub] = [join(folder.path, "link"), join(folder.path, "sub")];
  symlinkSync("/dev/null", link);
  mkdirSync(sub);
  for (const path of ["/dev/null", link, sub, "/nowhere/at/all"]) {
    await expect(fileOutput(path)).rejects.toMatchObject({
      code: "output_unwritable",
      message: expect.stringContaining(`--output ${path}: `),
    });
  }
  expect(statSync("/dev/null").isCharacterDevice()).toBe(true);
});
