import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keep } from "./keeper.ts";

/** A folder of one server or one test; removed by `remove`, or by the keeper if this process dies first. */
export interface Folder {
  path: string;
  remove(): Promise<void>;
}

export async function temporaryFolder(name: string): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), `sluice-${name}-`));
  const release = keep("folder", path);
  return {
    path,
    async remove() {
      await rm(path, { recursive: true, force: true, maxRetries: 5 });
      release();
    },
  };
}
