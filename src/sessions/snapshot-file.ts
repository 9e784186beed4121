/**
 * A snapshot of the sessions in the data directory: written beside its place and renamed into it, so that it is
 * whole or not there at all.
 */
import { createReadStream } from "node:fs";
import path from "node:path";
import { crc32 } from "node:zlib";
import { type Files, systemCode, writeWhole } from "../journal/files.ts";

export const snapshotVersion = 1;
/** Made in one go, in half a millisecond: ops are answered between the pieces. */
const pieceBytes = 16 * 1024;

export interface SnapshotHeader {
  readonly version: number;
  readonly instance: string;
  /** The journal has to be read from behind this journalseq. */
  readonly through: number;
  /** Of users and addresses, as events say it; none: their names. */
  readonly naming?: string;
}

export function snapshotPath(dataDir: string): string {
  return path.join(dataDir, "sessions.snapshot");
}

/**
 * Writes a snapshot, letting others run between its pieces.
 * @param ready is asked before it is put in place; when it says no, the snapshot before it stays
 * @returns its bytes, or null when it was not put in place
 */
export async function writeSnapshot(
  dataDir: string,
  header: SnapshotHeader,
  lines: Iterable<string>,
  ready: () => Promise<boolean>,
  files: Files,
): Promise<number | null> {
  const place = snapshotPath(dataDir);
  const next = `${place}.tmp`;
  const file = await files.open(next, "w");
  let bytes = 0;
  let crc = 0;
  let count = 0;
  try {
    let text = "";
    const flush = async (): Promise<void> => {
      const piece = Buffer.from(text);
      text = "";
      crc = crc32(piece, crc);
      await writeWhole(file, [piece], bytes);
      bytes += piece.length;
    };
    text = `${JSON.stringify(header)}\n`;
    for (const line of lines) {
      text += `${line}\n`;
      count++;
      if (text.length > pieceBytes) await flush();
    }
    await flush();
    const trailer = Buffer.from(`${JSON.stringify({ lines: count, crc })}\n`);
    await writeWhole(file, [trailer], bytes);
    bytes += trailer.length;
    await file.sync();
  } catch (thrown) {
    // The journal may need the room.
    await files.remove(next).catch(() => {});
    throw thrown;
  } finally {
    await file.close();
  }
  if (!(await ready())) {
    await files.remove(next);
    return null;
  }
  await files.rename(next, place);
  await files.syncFolder(dataDir);
  return bytes;
}

/**
 * Gives each line of the snapshot.
 * @returns its header, or null when there is none
 * @throws when it is of another version, or is not whole
 */
export async function readSnapshot(
  dataDir: string,
  take: (line: string) => void,
): Promise<SnapshotHeader | null> {
  let header: SnapshotHeader | null = null;
  let held: string | null = null;
  let crc = 0;
  let count = 0;
  try {
    for await (const line of linesOf(snapshotPath(dataDir))) {
      if (held !== null) {
        crc = crc32(`${held}\n`, crc);
        if (header === null) header = headerOf(held);
        else {
          take(held);
          count++;
        }
      }
      held = line;
    }
  } catch (thrown) {
    if (systemCode(thrown) === "ENOENT") return null;
    throw thrown;
  }
  const trailer = held === null ? null : (JSON.parse(held) as { lines?: unknown; crc?: unknown });
  if (header === null || trailer?.lines !== count || trailer.crc !== crc) throw new Error("it is not whole");
  return header;
}

function headerOf(line: string): SnapshotHeader {
  const header = JSON.parse(line) as SnapshotHeader;
  if (header.version !== snapshotVersion) throw new Error(`it is of version ${header.version}`);
  return header;
}

async function* linesOf(file: string): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of createReadStream(file, { encoding: "utf8", highWaterMark: 1024 * 1024 })) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== "") throw new Error("its last line is cut off");
}
