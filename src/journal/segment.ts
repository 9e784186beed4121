/** What a segment is called and how it begins. */
import path from "node:path";
import { SluiceError } from "../errors.ts";
import type { Files, OpenFile } from "./files.ts";
import { checksOut, lineBytes, parseLine, writeLine } from "./line.ts";

export const formatVersion = 1;
/** The stream column of a segment's first line; no stream can be called so. */
export const headerStream = "#segment";
/** Behind this many bytes nobody looks for the end of a header any more. */
const headerLimitBytes = 64 * 1024;

/** The first line of a segment: all that numbering needs, so that opening reads the last segment only. */
export interface SegmentHeader {
  readonly version: number;
  readonly instance: string;
  readonly epoch: string;
  /** The journalseq of its first record; also its file's name. */
  readonly first: number;
  /** The last journalseq that was on disk before it; what lies between was dropped and is named by a Loss. */
  readonly previous: number;
  /** The topic of each stream in this epoch. */
  readonly topics: Readonly<Record<string, string>>;
  /** Per topic the last sequence of this epoch that was on disk before it. */
  readonly sequences: Readonly<Record<string, number>>;
}

export interface SegmentName {
  readonly first: number;
  readonly path: string;
}

export function journalFolder(dataDir: string): string {
  return path.join(dataDir, "journal");
}

export function segmentPath(folder: string, first: number): string {
  return path.join(folder, `${String(first).padStart(16, "0")}.log`);
}

/** The segments of a folder in order, and the names that are none of ours. */
export async function listSegments(
  files: Files,
  folder: string,
): Promise<{ segments: SegmentName[]; foreign: string[] }> {
  const segments: SegmentName[] = [];
  const foreign: string[] = [];
  for (const name of (await files.list(folder)).sort()) {
    if (/^\d{16}\.log$/.test(name))
      segments.push({ first: Number(name.slice(0, 16)), path: path.join(folder, name) });
    else if (!ownNames.has(name)) foreign.push(name);
  }
  return { segments, foreign };
}

const ownNames = new Set(["gap", "damaged"]);

export function renderHeader(header: SegmentHeader): Buffer {
  const event = JSON.stringify(header);
  const line = Buffer.allocUnsafe(lineBytes(headerStream, '""', event));
  writeLine(line, 0, header.first, 0, headerStream, '""', event);
  return line;
}

/**
 * The header in a line that checks out.
 * @throws SluiceError journal_damaged when the segment is of a format that this Sluice does not know
 */
export function parseHeader(event: string, file: string): SegmentHeader {
  const header = JSON.parse(event) as SegmentHeader;
  if (header.version === formatVersion) return header;
  throw new SluiceError(
    "journal_damaged",
    `${file} is of journal format ${header.version}, and this Sluice reads format ${formatVersion}: ` +
      "start the Sluice that wrote it, or move its data directory away and start with an empty one",
  );
}

/** null when the first line does not check out. @throws as parseHeader */
export async function readHeader(file: OpenFile, name: string): Promise<SegmentHeader | null> {
  const bytes = Buffer.allocUnsafe(headerLimitBytes);
  const start = bytes.subarray(0, await file.read(bytes, 0, headerLimitBytes, 0));
  const end = start.indexOf(0x0a) + 1;
  if (end === 0 || !checksOut(start, 0, end)) return null;
  const line = parseLine(start, 0, end);
  return line.stream === headerStream ? parseHeader(line.event, name) : null;
}
