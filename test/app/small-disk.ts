/** A disk that a test can fill: a tmpfs, which takes the right to mount. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemCode } from "../../src/journal/files.ts";
import { keep } from "../hosts/keeper.ts";
import { closeWithFile } from "../hosts/open.ts";

export interface SmallDisk extends AsyncDisposable {
  readonly path: string;
  /** Takes all the room that is left. */
  fill(): Promise<void>;
  /** Gives it back. */
  free(): Promise<void>;
}

const pageBytes = 4096;
const chunk = Buffer.alloc(4 * 1024 ** 2, "ballast ");

/** Why there can be none here; null when there can. */
export function noSmallDisk(): string | null {
  if (process.platform !== "linux") return "tmpfs is Linux's";
  const path = mkdtempSync(join(tmpdir(), "sluice-disk-"));
  const problem = mount(path, 1);
  if (problem === null) unmount(path);
  rmdirSync(path);
  return problem;
}

export function smallDisk(megabytes: number): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), "sluice-disk-"));
  const problem = mount(path, megabytes);
  if (problem !== null) throw new Error(problem);
  const release = keep("mount", path);
  const ballast = join(path, "ballast");
  let mounted = true;
  const disk: SmallDisk = {
    path,
    async fill() {
      const file = await open(ballast, "a");
      try {
        // Down to the last page: a write of a whole chunk can fail where a smaller one would still pass.
        for (let size = chunk.length; size >= pageBytes; ) {
          size = (await taken(file.write(chunk, 0, size))) ? size : Math.floor(size / 2);
        }
      } finally {
        await file.close();
      }
    },
    free: () => rm(ballast),
    async [Symbol.asyncDispose]() {
      if (mounted) unmount(path);
      if (mounted) rmdirSync(path);
      if (mounted) release();
      mounted = false;
    },
  };
  closeWithFile(disk);
  return disk;
}

async function taken(write: Promise<{ bytesWritten: number }>): Promise<boolean> {
  try {
    return (await write).bytesWritten > 0;
  } catch (thrown) {
    if (systemCode(thrown) === "ENOSPC") return false;
    throw thrown;
  }
}

function mount(path: string, megabytes: number): string | null {
  return run(["mount", "-t", "tmpfs", "-o", `size=${megabytes}m,mode=0777`, "tmpfs", path]);
}

/** Lazily, so that a bridge that is still there does not keep it. */
function unmount(path: string): void {
  run(["umount", "-l", path]);
}

function run(command: readonly string[]): string | null {
  const asRoot = process.getuid?.() === 0 ? command : ["sudo", "-n", ...command];
  const { status, stderr, error } = spawnSync(asRoot[0]!, asRoot.slice(1), { encoding: "utf8" });
  return status === 0 ? null : `${asRoot.join(" ")}: ${error?.message ?? stderr.trim()}`;
}
