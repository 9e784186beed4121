import { readFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { expect, it, onTestFinished } from "vitest";
import { temporaryFolder } from "../../hosts/folder.ts";
import { headBytes, RecordFile } from "./record-file.ts";

function linesOf(bytes: Buffer): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [checksum, length] = [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4)];
    const line = bytes.subarray(at + headBytes, at + headBytes + length);
    if (crc32(line) !== checksum) throw new Error(`the record at ${at} does not check out`);
    lines.push(line.toString().trimEnd());
    at += headBytes + length;
  }
  return lines;
}

it.each([0, 0.2])(
  "whoever hears that lines are kept finds them in the file; many share a sync (%s)",
  async (gatherMs) => {
    const folder = await temporaryFolder("least");
    onTestFinished(() => folder.remove());
    const path = join(folder.path, "records");
    const file = new RecordFile(path, gatherMs);
    const expected: string[] = [];
    const missing: string[] = [];
    // While this one is written, others come.
    const long = "x".repeat(3 * 1024 * 1024);
    expected.push(long);
    file.append([long], () => {});
    await new Promise((turn) => setImmediate(turn));
    const write = async (writer: number): Promise<void> => {
      for (let n = 0; n < 6; n++) {
        const lines = [`${writer}.${n} begins €`, `${writer}.${n} ends`].slice(0, 1 + (n % 2));
        expected.push(...lines);
        await new Promise<void>((kept) => file.append(lines, kept));
        const found = linesOf(readFileSync(path));
        missing.push(...lines.filter((line) => !found.includes(line)));
      }
    };
    await Promise.all(Array.from({ length: 16 }, (_, writer) => write(writer)));
    file.close();
    expect(missing).toEqual([]);
    expect(linesOf(readFileSync(path))).toEqual(expected);
    expect(file.syncs).toBeLessThan(16 * 6);
  },
);
