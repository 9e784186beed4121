/** What a record's checksum costs, and turning a line into bytes. `node test/bench/trial/checksum.ts` */
import { strict as assert } from "node:assert";
import { crc32 } from "node:zlib";
import { print, timeInTurns } from "./turns.ts";

const tables = new Int32Array(8 * 256);
for (let n = 0; n < 256; n++) {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
  tables[n] = c;
}
for (let n = 256; n < 2048; n++) {
  const before = tables[n - 256] ?? 0;
  tables[n] = (before >>> 8) ^ (tables[before & 255] ?? 0);
}
const t = tables;

function crc32c(bytes: Buffer): number {
  const length = bytes.length;
  const even = length & ~7;
  let c = -1;
  let i = 0;
  for (; i < even; i += 8) {
    c ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    c =
      t[1792 + (c & 255)]! ^
      t[1536 + ((c >>> 8) & 255)]! ^
      t[1280 + ((c >>> 16) & 255)]! ^
      t[1024 + (c >>> 24)]! ^
      t[768 + bytes[i + 4]!]! ^
      t[512 + bytes[i + 5]!]! ^
      t[256 + bytes[i + 6]!]! ^
      t[bytes[i + 7]!]!;
  }
  for (; i < length; i++) c = (c >>> 8) ^ t[(c ^ bytes[i]!) & 255]!;
  return ~c >>> 0;
}
assert.equal(crc32c(Buffer.from("123456789")), 0xe3069283);

for (const length of [300, 1200, 38_400]) {
  const text = '{"id":"0191e6a0-5b1c",'.repeat(Math.ceil(length / 23)).slice(0, length);
  const bytes = Buffer.from(text);
  const scratch = Buffer.alloc(length * 3);
  const calls = Math.ceil(6_000_000 / length / 2);
  const table = timeInTurns(
    [
      { name: "zlib.crc32 of bytes", call: () => crc32(bytes) },
      { name: "zlib.crc32 of the string", call: () => crc32(text) },
      { name: "own crc32c, slice by 8, of bytes", call: () => crc32c(bytes) },
      { name: "Buffer.from(line) alone", call: () => Buffer.from(text) },
      { name: "buf.write into a buffer kept, alone", call: () => scratch.write(text, 0) },
      { name: "buf.write, then zlib.crc32", call: () => crc32(scratch.subarray(0, scratch.write(text, 0))) },
      { name: "buf.write, then own crc32c", call: () => crc32c(scratch.subarray(0, scratch.write(text, 0))) },
    ],
    calls,
  );
  print(`${length} bytes`, table);
}
