/**
 * Which partition a key belongs to: what Java's producer does with a keyed record, so that consumers which join our
 * topics with others by key find both sides in the same partition.
 */
export function partitionOf(key: string, partitions: number): number {
  return (murmur2(Buffer.from(key)) & 0x7fffffff) % partitions;
}

const seed = 0x9747b28c;
const multiplier = 0x5bd1e995;

/** The hash of org.apache.kafka.common.utils.Utils.murmur2, as a signed 32-bit number. */
export function murmur2(data: Uint8Array): number {
  let hash = seed ^ data.length;
  const whole = data.length & ~3;
  for (let at = 0; at < whole; at += 4) {
    let word = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24);
    word = Math.imul(word, multiplier);
    word ^= word >>> 24;
    word = Math.imul(word, multiplier);
    hash = Math.imul(hash, multiplier) ^ word;
  }
  const rest = data.length - whole;
  if (rest > 2) hash ^= data[whole + 2]! << 16;
  if (rest > 1) hash ^= data[whole + 1]! << 8;
  if (rest > 0) hash = Math.imul(hash ^ data[whole]!, multiplier);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, multiplier);
  return hash ^ (hash >>> 15);
}
