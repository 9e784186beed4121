/**
 * The form of one line of a segment. Tab-separated text, so that `cut -f7- | jq` reads the events.
 *
 *   offset  0         9         18                35                52
 *           crc32c ⇥  length ⇥  journalseq    ⇥   sequence      ⇥   stream ⇥ key ⇥ event ⏎
 *           8 hex     8 dec     16 dec            16 dec            text     JSON  JSON
 *
 * `length` counts the bytes behind its own tab, the newline among them; the checksum covers all behind its own
 * tab. No byte of a line is a newline but the last, so a reader that has lost its place finds the next line.
 */
import { crc32c, crc32cOfTwo } from "./crc32c.ts";

const prefixBytes = 52;
const lengthAt = 9;
const journalseqAt = 18;
const sequenceAt = 35;
const newline = 0x0a;
const tab = 0x09;

/** What a line may take up: many times what the largest op (1 MiB) can become. Readers hold one in memory. */
export const maxLineBytes = 16 * 1024 * 1024;

/** Bytes that `writeLine` will need for the same stream, key (as JSON) and event. */
export function lineBytes(stream: string, keyJson: string, event: string): number {
  return prefixBytes + stream.length + Buffer.byteLength(keyJson) + Buffer.byteLength(event) + 3;
}

/** As lineBytes or more, without a look at each character: no UTF-16 unit takes more than three bytes. */
export function mostLineBytes(stream: string, keyJson: string, event: string): number {
  return prefixBytes + stream.length + 3 * (keyJson.length + event.length) + 3;
}

/** Writes one line at `at`, sealed; returns the offset behind it. There must be room for `lineBytes`. */
export function writeLine(
  ...[into, at, ...line]: Parameters<typeof writeUnsealed>
): ReturnType<typeof writeUnsealed> {
  const end = writeUnsealed(into, at, ...line);
  sealLines(into, at, end);
  return end;
}

/**
 * Gives the lines of `bytes[start, end)` their checksums. Of many at once, since the tables that it takes do not stay in
 * the processor's cache from op to op.
 */
export function sealLines(bytes: Buffer, start: number, end: number): void {
  for (let at = start; at < end; ) {
    const next = at + declaredBytes(bytes, at);
    if (next === end) {
      writeHex(bytes, at, crc32c(bytes, at + lengthAt, next));
      return;
    }
    const afterNext = next + declaredBytes(bytes, next);
    const [own, others] = crc32cOfTwo(bytes, at + lengthAt, next, next + lengthAt, afterNext);
    writeHex(bytes, at, own);
    writeHex(bytes, next, others);
    at = afterNext;
  }
}

/** As writeLine, but for the checksum. */
export function writeUnsealed(
  into: Buffer,
  at: number,
  journalseq: number,
  sequence: number,
  stream: string,
  keyJson: string,
  event: string,
): number {
  const headAt = at + prefixBytes;
  const eventAt = headAt + into.write(`${stream}\t${keyJson}\t`, headAt);
  const newlineAt = eventAt + into.write(event, eventAt);
  into[newlineAt] = newline;
  // JSON.stringify never writes a newline; a hand-made event might, and it would pass for the end of the line.
  if (event.includes("\n")) {
    for (let byte = eventAt; byte < newlineAt; byte++) if (into[byte] === newline) into[byte] = 0x20;
  }
  const end = newlineAt + 1;
  writeDecimal(into, at + lengthAt, end - at - journalseqAt);
  into[at + 17] = tab;
  writeLong(into, at + journalseqAt, journalseq);
  into[at + 34] = tab;
  writeLong(into, at + sequenceAt, sequence);
  into[at + 51] = tab;
  into[at + 8] = tab;
  return end;
}

/** Whether `bytes[start, end)`, the last byte of which is a newline, is a line as it was written. */
export function checksOut(bytes: Buffer, start: number, end: number): boolean {
  return (
    end - start > prefixBytes &&
    bytes[start + 8] === tab &&
    bytes[start + 17] === tab &&
    declaredBytes(bytes, start) === end - start &&
    readHex(bytes, start) === crc32c(bytes, start + lengthAt, end)
  );
}

/** The whole size of the line at `start` as it says itself, or NaN where that cannot be read. */
export function declaredBytes(bytes: Buffer, start: number): number {
  return readDecimal(bytes, start + lengthAt, 8) + journalseqAt;
}

/** NaN where it cannot be read. */
export function journalseqOf(bytes: Buffer, start: number): number {
  return readDecimal(bytes, start + journalseqAt, 16);
}

export interface Line {
  readonly journalseq: number;
  readonly sequence: number;
  readonly stream: string;
  readonly key: string;
  readonly event: string;
}

/** The parts of a line that checks out. */
export function parseLine(bytes: Buffer, start: number, end: number): Line {
  const streamEnd = bytes.indexOf(tab, start + prefixBytes);
  const keyEnd = bytes.indexOf(tab, streamEnd + 1);
  return {
    journalseq: journalseqOf(bytes, start),
    sequence: readDecimal(bytes, start + sequenceAt, 16),
    stream: bytes.toString("latin1", start + prefixBytes, streamEnd),
    key: JSON.parse(bytes.toString("utf8", streamEnd + 1, keyEnd)) as string,
    event: bytes.toString("utf8", keyEnd + 1, end - 1),
  };
}

/** Sixteen digits by halves, so that the divisions stay within 32 bits. */
function writeLong(into: Buffer, at: number, value: number): void {
  const low = value % 1e8;
  writeDecimal(into, at, (value - low) / 1e8);
  writeDecimal(into, at + 8, low);
}

function writeDecimal(into: Buffer, at: number, value: number): void {
  let left = value | 0;
  for (let digit = at + 7; digit >= at; digit--) {
    const next = (left / 10) | 0;
    into[digit] = 0x30 + left - next * 10;
    left = next;
  }
}

function readDecimal(bytes: Buffer, at: number, digits: number): number {
  let value = 0;
  for (let digit = at; digit < at + digits; digit++) {
    const figure = (bytes[digit] ?? 0) - 0x30;
    if (figure < 0 || figure > 9) return Number.NaN;
    value = value * 10 + figure;
  }
  return value;
}

function writeHex(into: Buffer, at: number, value: number): void {
  for (let nibble = 0; nibble < 8; nibble++) {
    const figure = (value >>> (28 - nibble * 4)) & 15;
    into[at + nibble] = figure < 10 ? 0x30 + figure : 0x57 + figure;
  }
}

function readHex(bytes: Buffer, at: number): number {
  let value = 0;
  for (let digit = at; digit < at + 8; digit++) {
    const byte = bytes[digit]!;
    const figure =
      byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : byte >= 0x61 && byte <= 0x66 ? byte - 0x57 : -1;
    if (figure < 0) return -1;
    value = value * 16 + figure;
  }
  return value;
}
