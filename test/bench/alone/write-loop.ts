/** The least that keeps records: one write and one fdatasync of so many bytes, over and over. */
import { close, fdatasync, open, write } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { measuring, print, work } from "./alone.ts";

export interface LoopWork {
  readonly dir: string;
  readonly records: number;
  readonly bytesPerRecord: number;
  readonly warmUpMs: number;
  readonly countMs: number;
}

const { dir, records, bytesPerRecord, warmUpMs, countMs } = work<LoopWork>();
const [put, sync] = [promisify(write), promisify(fdatasync)];
const bytes = Buffer.alloc(Math.round(records * bytesPerRecord), "x");
const file = await promisify(open)(join(dir, `loop-${process.pid}`), "w");

async function loop(forMs: number): Promise<number> {
  const untilMs = performance.now() + forMs;
  let count = 0;
  for (; performance.now() < untilMs; count += records) {
    await put(file, bytes);
    await sync(file);
  }
  return count;
}

await loop(warmUpMs);
const measured = measuring();
const found = measured(await loop(countMs));
await promisify(close)(file);
print(found);
