/** Makes a data directory hold what the shadow says that the disk holds. */
import fs from "node:fs";
import path from "node:path";
import { isNoted, notedFolders, Shadow } from "./shadow.ts";

export interface PowerLoss {
  /** Bytes that stood there and don't any more. */
  readonly droppedBytes: number;
  /** Files that are not there any more, by their paths within the data directory. */
  readonly droppedFiles: readonly string[];
  /** Files that are there again: they were removed, or moved away, and nobody synced the folder. */
  readonly restoredFiles: readonly string[];
}

export interface PowerLossOptions {
  /**
   * Whether a folder is gone when the folder above it was never synced, as POSIX allows. By default it is there
   * with whatever was synced in it, as ext4 and XFS have it.
   */
  readonly foldersToo?: boolean;
}

export function dropWhatIsNotDurable(
  shadowFolder: string,
  dataDir: string,
  { foldersToo = false }: PowerLossOptions = {},
): PowerLoss {
  const shadow = new Shadow(shadowFolder, dataDir);
  if (shadow.names(dataDir) === null) throw new Error(`there are no notes of ${dataDir}: was "disk" loaded?`);
  const durable = new Map<string, Buffer>();
  for (const folder of notedFolders(dataDir)) {
    if (foldersToo && !isNamed(shadow, dataDir, folder)) continue;
    for (const [name, id] of Object.entries(shadow.names(folder) ?? {})) {
      const content = shadow.contentFile(id);
      if (fs.existsSync(content)) durable.set(path.join(folder, name), fs.readFileSync(content));
    }
  }
  const there = new Set(filesOf(dataDir));
  let droppedBytes = 0;
  for (const file of there) {
    const bytes = fs.readFileSync(file);
    const kept = durable.get(file);
    if (!kept) fs.rmSync(file);
    else if (!kept.equals(bytes)) putBack(file, kept);
    droppedBytes += bytes.length - commonBytes(bytes, kept ?? Buffer.alloc(0));
  }
  const restored = [...durable.keys()].filter((file) => !there.has(file));
  for (const file of restored) fs.writeFileSync(file, durable.get(file)!, { mode: 0o600 });
  if (foldersToo) {
    for (const folder of notedFolders(dataDir)) {
      if (!isNamed(shadow, dataDir, folder)) fs.rmSync(folder, { recursive: true, force: true });
    }
  }
  shadow.clear();
  const within = (file: string): string => path.relative(dataDir, file);
  return {
    droppedBytes,
    droppedFiles: [...there].filter((file) => !durable.has(file)).map(within),
    restoredFiles: restored.map(within),
  };
}

/** Whether every folder from the data directory down to this one is named durably. */
function isNamed(shadow: Shadow, dataDir: string, folder: string): boolean {
  if (folder === dataDir) return true;
  const above = path.dirname(folder);
  return path.basename(folder) in (shadow.names(above) ?? {}) && isNamed(shadow, dataDir, above);
}

function filesOf(dataDir: string): string[] {
  return notedFolders(dataDir).flatMap((folder) =>
    fs
      .readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => path.join(folder, name))
      .filter((file) => isNoted(dataDir, file)),
  );
}

/** Keeps the time of the last change: retention goes by it. */
function putBack(file: string, bytes: Buffer): void {
  const { atime, mtime } = fs.statSync(file);
  fs.writeFileSync(file, bytes);
  fs.utimesSync(file, atime, mtime);
}

function commonBytes(a: Buffer, b: Buffer): number {
  const most = Math.min(a.length, b.length);
  if (a.subarray(0, most).equals(b.subarray(0, most))) return most;
  return a.findIndex((byte, at) => byte !== b[at]);
}
