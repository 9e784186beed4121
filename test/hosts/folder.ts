import { randomBytes } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keep } from "./keeper.ts";

/** A folder of one server or one test; removed by `remove`, or by the keeper if this process dies first. */
export interface Folder {
  path: string;
  remove(): Promise<void>;
}

export async function temporaryFolder(name: string): Promise<Folder> {
  const path = join(tmpdir(), `sluice-${name}-${randomBytes(4).toString("hex")}`);
  // Before it is there: this process may end at any moment.
  const release = keep("folder", path);
  await mkdir(path, { mode: 0o700 });
  return {
    path,
    async remove() {
      await rm(path, { recursive: true, force: true, maxRetries: 5 });
      release();
    },
  };
}
