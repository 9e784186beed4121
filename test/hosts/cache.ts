import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";

const LOCK_POLL_MS = 200;

/** What is built once, of what `recipe` says, into the cache; another recipe is another folder. */
export interface Building {
  name: string;
  recipe: string;
  build(folder: string): Promise<void>;
}

function cacheFolder(): string {
  const { SLUICE_TEST_CACHE, XDG_CACHE_HOME } = process.env;
  return SLUICE_TEST_CACHE ?? join(XDG_CACHE_HOME ?? join(homedir(), ".cache"), "sluice-tests");
}

export function isBuilt(building: Building): boolean {
  return existsSync(finished(building));
}

/**
 * The folder of a building, built first if it isn't there. Built beside its place and renamed into it, so that an
 * interrupted one is never taken for a whole one; of several processes one builds and the others wait.
 */
export async function built(building: Building): Promise<string> {
  const place = finished(building);
  if (existsSync(place)) return place;
  await mkdir(cacheFolder(), { recursive: true });
  const unlock = await lock(`${place}.lock`);
  try {
    if (existsSync(place)) return place;
    const unfinished = `${place}.unfinished`;
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished);
    await building.build(unfinished);
    await rename(unfinished, place);
    return place;
  } finally {
    unlock();
  }
}

/** Of several processes that do what `name` names, one after the other does it. */
export async function onlyOne<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  await mkdir(cacheFolder(), { recursive: true });
  const unlock = await lock(join(cacheFolder(), `${name}.lock`));
  try {
    return await work();
  } finally {
    unlock();
  }
}

function finished({ name, recipe }: Building): string {
  const version = createHash("sha256").update(recipe).digest("hex").slice(0, 8);
  return join(cacheFolder(), `${name}-${version}`);
}

/** A lock that the kernel gives back when its holder dies: SQLite's, since Node has no flock. */
async function lock(file: string): Promise<() => void> {
  const database = new DatabaseSync(file);
  for (;;) {
    try {
      database.exec("BEGIN EXCLUSIVE");
      return () => database.close();
    } catch (error) {
      if (!String(error).includes("locked")) throw error;
      await delay(LOCK_POLL_MS);
    }
  }
}
