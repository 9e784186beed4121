/** What a sync costs on this disk. */
import { fdatasync, open, write } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const openFile = promisify(open);
const writeFile = promisify(write);
const sync = promisify(fdatasync);

/** Each write of `bytes` behind the last, with its fdatasync: milliseconds. */
export async function syncTimes(folder: string, count: number, bytes: number): Promise<number[]> {
  const file = await openFile(join(folder, `syncs-${performance.now()}`), "w");
  const record = Buffer.alloc(bytes, "x");
  const times: number[] = [];
  for (let n = 0; n < count; n++) {
    const fromMs = performance.now();
    await writeFile(file, record);
    await sync(file);
    times.push(performance.now() - fromMs);
  }
  await promisify((await import("node:fs")).close)(file);
  return times;
}
