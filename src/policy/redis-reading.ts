/** What a Redis key holds now: its value and what is left of its TTL. */
import type { Redis } from "ioredis";
import { notAString } from "./store.ts";

/**
 * A key as text with one character for each byte: a key that is not UTF-8 keeps its name, so that its value is
 * found and what it says is not passed over.
 */
export function keyName(bytes: Buffer): string {
  return bytes.toString("latin1");
}

export interface Reading {
  readonly key: string;
  /** Null when there is no such key. */
  readonly value: string | null;
  readonly leftMs: number | null;
}

const scanCount = 1000;

/** All keys that begin with `prefix`, in parts; a key may come twice. Keys are named as `keyName` does. */
export async function* scanKeys(connection: Redis, prefix: string): AsyncGenerator<readonly string[]> {
  const pattern = `${prefix.replace(/[\\*?[\]]/g, "\\$&")}*`;
  let cursor = "0";
  do {
    const [next, keys] = await connection.scanBuffer(cursor, "MATCH", pattern, "COUNT", scanCount);
    cursor = String(next);
    if (keys.length > 0) yield keys.map(keyName);
  } while (cursor !== "0");
}

/**
 * Asks for all at once; the answers keep the order. GET and not MGET, which passes a list off as no key at all.
 *
 * Throws the first error reply, whatever the others were.
 */
export async function readKeys(connection: Redis, keys: readonly string[]): Promise<Reading[]> {
  const pipeline = connection.pipeline();
  for (const key of keys) {
    const bytes = Buffer.from(key, "latin1");
    pipeline.get(bytes).pttl(bytes);
  }
  const replies = (await pipeline.exec()) ?? [];
  return keys.map((key, i) => readingOf(key, replies[2 * i]!, replies[2 * i + 1]!));
}

type Reply = readonly [error: Error | null, result: unknown];

function readingOf(key: string, [getError, value]: Reply, [ttlError, ttlMs]: Reply): Reading {
  const wrongType = getError?.message.startsWith("WRONGTYPE") === true;
  if (getError && !wrongType) throw getError;
  if (ttlError) throw ttlError;
  // PTTL gives -1 for a key without a TTL and -2 for no key: then it ended between the two commands.
  const gone = ttlMs === -2 || (value === null && !wrongType);
  const leftMs = Number(ttlMs) >= 0 ? Number(ttlMs) : null;
  return { key, value: gone ? null : wrongType ? notAString : String(value), leftMs };
}
