/**
 * Makes the data directory's disk slow or broken, and notes what of it is durable (tools/shadow.ts). Loaded by
 * --import, in the forwarder's thread too. What does not go through nodeFiles is neither broken nor noted.
 */
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { isMainThread } from "node:worker_threads";
import { type Files, nodeFiles, type OpenFile } from "../../../src/journal/files.ts";
import { isNoted, type NotedFile, Shadow } from "../tools/shadow.ts";
import {
  calm,
  type DiskControl,
  journalDirVariable,
  readControl,
  shadowVariable,
} from "../tools/steering.ts";

/** How often a delay looks whether it is still wanted. */
const lookEveryMs = 10;

const real: Files = { ...nodeFiles };
const dataDir = path.resolve(process.env[journalDirVariable] ?? process.env.SLUICE_DATA_DIR ?? "data");
const shadow = new Shadow(process.env[shadowVariable]!, dataDir);
if (isMainThread) shadow.adopt();

nodeFiles.open = async (file, flags, throughToDisk) => {
  if (flags === "r" || !isNoted(dataDir, file)) return real.open(file, flags, throughToDisk);
  const was = shadow.exists(file);
  const opened = await real.open(file, flags, throughToDisk);
  const noted = shadow.opened(file, !was ? "created" : flags === "w" ? "emptied" : "as it was");
  return breakable(file, opened, noted);
};

nodeFiles.remove = async (file) => {
  const replaced = shadow.replacing(file);
  await real.remove(file);
  replaced();
};

nodeFiles.rename = async (from, to) => {
  const replaced = shadow.replacing(to);
  await real.rename(from, to);
  replaced();
};

nodeFiles.syncFolder = async (folder) => {
  // A segment's name is made durable in the journal's folder; the names of the small files, in the one above it.
  const asWhat = folder === dataDir ? "instance" : ".log";
  await delayed(asWhat, "syncDelayMs");
  fail(asWhat, "sync");
  const synced = shadow.syncingFolder(folder);
  await real.syncFolder(folder);
  synced();
};

function breakable(file: string, opened: OpenFile, noted: NotedFile): OpenFile {
  return {
    read: opened.read,
    stat: opened.stat,
    async write(buffers, position) {
      await delayed(file, "writeDelayMs");
      fail(file, "write");
      const bytes = await opened.write(buffers, position);
      noted.wrote(position, bytes);
      return bytes;
    },
    async sync() {
      await delayed(file, "syncDelayMs");
      const sync = noted.syncing();
      try {
        fail(file, "sync");
        await opened.sync();
      } catch (thrown) {
        sync.failed();
        throw thrown;
      }
      sync.done();
    },
    async truncate(size) {
      await opened.truncate(size);
      noted.truncated(size);
    },
    async close() {
      noted.close();
      await opened.close();
    },
  };
}

async function delayed(file: string, what: "syncDelayMs" | "writeDelayMs"): Promise<void> {
  const sinceMs = performance.now();
  for (;;) {
    const leftMs = diskFor(file)[what] - (performance.now() - sinceMs);
    if (!(leftMs > 0)) return;
    await wait(Math.min(leftMs, lookEveryMs));
  }
}

function fail(file: string, what: "write" | "sync"): void {
  const code = diskFor(file)[what];
  if (code) throw Object.assign(new Error(`${code}: made by a fault`), { code });
}

function diskFor(file: string): DiskControl {
  const { disk } = readControl();
  return disk.files === "all" || file.endsWith(".log") ? disk : calm.disk;
}
