/**
 * What befalls the files of a journal whose process is dead. Each function does one damage and says what it did.
 * After it a process with inside/disk.ts needs `settle` (control.ts) first, or its notes know nothing of it.
 */
import { appendFile, readFile, truncate, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32c } from "../../../src/journal/crc32c.ts";
import { cursorPath } from "../../../src/journal/cursor.ts";
import { nodeFiles } from "../../../src/journal/files.ts";
import { checksOut, journalseqOf, lineBytes, parseLine, writeLine } from "../../../src/journal/line.ts";
import { journalFolder, listSegments } from "../../../src/journal/segment.ts";

export interface Damage {
  readonly what: string;
  /** Its path. */
  readonly file: string;
  /** How many were added, taken away or changed. */
  readonly bytes: number;
  /** Numbers of records that stood there and cannot be read any more. */
  readonly lost: readonly number[];
}

/** One line of a segment; the first is its header. */
interface Span {
  readonly start: number;
  readonly end: number;
}

const zeroes = 4096;

/** Behind the last record stands the first half of the next one: it was being written and never durable. */
export async function tornTail(dataDir: string): Promise<Damage> {
  const { file, bytes, lines } = (await segmentsOf(dataDir)).at(-1)!;
  const { start, end } = lines.at(-1)!;
  const { journalseq, sequence, stream, key, event } = parseLine(bytes, start, end);
  const keyJson = JSON.stringify(key);
  const next = Buffer.alloc(lineBytes(stream, keyJson, event));
  writeLine(next, 0, journalseq + 1, sequence + 1, stream, keyJson, event);
  const half = next.subarray(0, Math.floor(next.length / 2));
  await appendFile(file, half);
  return { what: "a torn tail", file, bytes: half.length, lost: [] };
}

/** Behind the last record stands a whole line whose length is zero and whose checksum is right. */
export async function zeroLengthRecord(dataDir: string): Promise<Damage> {
  const { file } = (await segmentsOf(dataDir)).at(-1)!;
  const line = Buffer.from("00000000\t00000000\t\n");
  line.write(crc32c(line, 9).toString(16).padStart(8, "0"));
  await appendFile(file, line);
  return { what: "a record of length zero", file, bytes: line.length, lost: [] };
}

/** One bit of a record that is neither the first nor the last of its segment. */
export async function flippedBit(dataDir: string, random: () => number): Promise<Damage> {
  // A header, and a record before and behind.
  const choice = (await segmentsOf(dataDir)).filter(({ lines }) => lines.length >= 4);
  if (choice.length === 0) throw new Error("no segment has three records");
  const { file, bytes, lines } = pick(choice, random);
  const { start, end } = pick(lines.slice(2, -1), random);
  const lost = [journalseqOf(bytes, start)];
  const at = start + Math.floor(random() * (end - start));
  bytes[at]! ^= 1 << Math.floor(random() * 8);
  await writeFile(file, bytes);
  return { what: `bit of byte ${at - start} of a record is another`, file, bytes: 1, lost };
}

/** The second half of the finished segment that is newest; the last one's end would be nobody's to miss. */
export async function truncatedSegment(dataDir: string): Promise<Damage> {
  const segment = (await segmentsOf(dataDir)).at(-2);
  if (!segment) throw new Error("no segment is finished");
  const { file, bytes, lines } = segment;
  const { start, end } = lines[Math.ceil(lines.length / 2)]!;
  const size = Math.floor((start + end) / 2);
  const cut = lines.filter((line) => line.end > size);
  await truncate(file, size);
  return {
    what: "a segment ends in its middle",
    file,
    bytes: bytes.length - size,
    lost: cut.map((line) => journalseqOf(bytes, line.start)),
  };
}

/** @param old the text of an earlier cursor file */
export async function staleCursor(dataDir: string, old: string): Promise<Damage> {
  const file = cursorPath(dataDir);
  await writeFile(file, old, { mode: 0o600 });
  return { what: "an old cursor", file, bytes: Buffer.byteLength(old), lost: [] };
}

/** @throws when there is none */
export async function missingCursor(dataDir: string): Promise<Damage> {
  const file = cursorPath(dataDir);
  const { length } = await readFile(file);
  await unlink(file);
  return { what: "no cursor", file, bytes: length, lost: [] };
}

export async function foreignFile(dataDir: string): Promise<Damage> {
  const file = join(journalFolder(dataDir), "0000000000000001.log.bak");
  const text = "what an operator forgot here\n";
  await writeFile(file, text);
  return { what: "a file that is none of Sluice's", file, bytes: text.length, lost: [] };
}

/** A tail of NUL bytes: the file system had made the file longer, and not yet written what stands there. */
export async function zeroedTail(dataDir: string): Promise<Damage> {
  const { file } = (await segmentsOf(dataDir)).at(-1)!;
  await appendFile(file, Buffer.alloc(zeroes));
  return { what: "a tail of NUL bytes", file, bytes: zeroes, lost: [] };
}

/** Those with a record at least, in order. @throws when there is none */
async function segmentsOf(dataDir: string): Promise<{ file: string; bytes: Buffer; lines: Span[] }[]> {
  const { segments } = await listSegments(nodeFiles, journalFolder(dataDir));
  const read = segments.map(async ({ path: file }) => {
    const bytes = await readFile(file);
    return { file, bytes, lines: linesOf(bytes) };
  });
  const whole = (await Promise.all(read)).filter(({ lines }) => lines.length >= 2);
  if (whole.length === 0) throw new Error(`no record stands in ${dataDir}`);
  return whole;
}

function linesOf(bytes: Buffer): Span[] {
  const lines: Span[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0x0a, start) + 1;
    if (end === 0) break;
    if (checksOut(bytes, start, end)) lines.push({ start, end });
    start = end;
  }
  return lines;
}

function pick<T>(from: readonly T[], random: () => number): T {
  return from[Math.floor(random() * from.length)]!;
}
