/** Bytes that are no records any more are copied aside before anything touches them, for whoever wants to look. */
import path from "node:path";
import { type Files, writeWhole } from "./files.ts";
import { journalFolder } from "./segment.ts";
import type { Damage } from "./survey.ts";

const chunkBytes = 256 * 1024;

/** Copies them to `<dataDir>/journal/damaged/<segment>@<offset>`, once; returns that path. */
export async function setAside(files: Files, dataDir: string, damage: Damage): Promise<string> {
  const folder = path.join(journalFolder(dataDir), "damaged");
  const aside = path.join(folder, `${path.basename(damage.segment)}@${damage.offset}`);
  if (await files.stat(aside)) return aside;
  await files.makeFolder(folder);
  const from = await files.open(damage.segment, "r");
  const to = await files.open(`${aside}.tmp`, "w");
  try {
    const chunk = Buffer.allocUnsafe(chunkBytes);
    for (let copied = 0; copied < damage.bytes; ) {
      const wanted = Math.min(chunkBytes, damage.bytes - copied);
      const read = await from.read(chunk, 0, wanted, damage.offset + copied);
      if (read === 0) break;
      await writeWhole(to, [chunk.subarray(0, read)], copied);
      copied += read;
    }
    await to.sync();
  } finally {
    await Promise.all([from.close(), to.close()]);
  }
  await files.rename(`${aside}.tmp`, aside);
  await files.syncFolder(folder);
  await files.syncFolder(journalFolder(dataDir));
  return aside;
}
