import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { built, isBuilt } from "./cache.ts";
import { type Folder, temporaryFolder } from "./folder.ts";

let cache: Folder;

beforeEach(async () => {
  cache = await temporaryFolder("cache");
  vi.stubEnv("SLUICE_TEST_CACHE", cache.path);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await cache.remove();
});

it("builds once, however many ask at once", async () => {
  let builds = 0;
  const building = {
    name: "program",
    recipe: "v1",
    async build(folder: string) {
      builds++;
      await writeFile(join(folder, "bin"), "");
    },
  };
  const places = await Promise.all([built(building), built(building), built(building)]);
  expect(builds).toBe(1);
  expect(new Set(places).size).toBe(1);
  expect(await readdir(places[0]!)).toEqual(["bin"]);
});

it("never takes an interrupted build for a whole one", async () => {
  const interrupted = {
    name: "program",
    recipe: "v1",
    async build(folder: string) {
      await writeFile(join(folder, "half"), "");
      throw new Error("no network");
    },
  };
  await expect(built(interrupted)).rejects.toThrow("no network");
  expect(isBuilt(interrupted)).toBe(false);
  const place = await built({ ...interrupted, build: (folder) => writeFile(join(folder, "whole"), "") });
  expect(await readdir(place)).toEqual(["whole"]);
});

it("builds anew when the recipe has changed", async () => {
  const building = { name: "program", recipe: "v1", build: async () => {} };
  const first = await built(building);
  expect(isBuilt({ ...building, recipe: "v2" })).toBe(false);
  expect(await built({ ...building, recipe: "v2" })).not.toBe(first);
});
