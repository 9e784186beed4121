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

/** All keys that a pattern of Redis fits, in parts; a key may come twice. Keys are named as `keyName` does. */
export async function* scanKeys(connection: Redis, pattern: string): AsyncGenerator<readonly string[]> {
  const from = (cursor: string): Promise<[Buffer, Buffer[]]> => {
    const answer = connection.scanBuffer(cursor, "MATCH", pattern, "COUNT", scanCount);
    // Nobody may be waiting for it any more.
    answer.catch(() => {});
    return answer;
  };
  let asked: Promise<[Buffer, Buffer[]]> | null = from("0");
  while (asked !== null) {
    const [next, keys]: [Buffer, Buffer[]] = await asked;
    const cursor = next.toString();
    // Redis goes on while these are looked at.
    asked = cursor === "0" ? null : from(cursor);
    if (keys.length > 0) yield keys.map(keyName);
  }
}

/**
 * Asks for all at once; the answers keep the order. GET and not MGET, which passes a list off as no key at all.
 *
 * Throws the first error reply, whatever the others were.
 */
export async function readKeys(connection: Redis, keys: readonly string[]): Promise<Reading[]> {
  const pipeline = connection.pipeline();
  for (const key of keys) {
    const named = argument(key);
    pipeline.get(named).pttl(named);
  }
  const replies = (await pipeline.exec()) ?? [];
  return keys.map((key, i) => readingOf(key, replies[2 * i]!, replies[2 * i + 1]!));
}

export interface ManyRead {
  readonly readings: readonly Reading[];
  /** Keys that are there although MGET has no value for them, as of a list: only readKeys can tell. */
  readonly unsure: readonly string[];
}

/** As readKeys, in half the time, but for the keys that it is unsure of. */
export async function readMany(connection: Redis, keys: readonly string[]): Promise<ManyRead> {
  const named = keys.map(argument);
  const pipeline = connection.pipeline().mget(named);
  for (const key of named) pipeline.pttl(key);
  const [mget, ...ttls] = (await pipeline.exec()) ?? [];
  if (mget?.[0]) throw mget[0];
  const values = mget?.[1] as readonly (string | null)[];
  const readings: Reading[] = [];
  const unsure: string[] = [];
  for (const [i, key] of keys.entries()) {
    const reading = readingOf(key, [null, values[i]], ttls[i]!);
    if (reading.value === null && ttls[i]![1] !== noKey) unsure.push(key);
    else readings.push(reading);
  }
  return { readings, unsure };
}

type Reply = readonly [error: Error | null, result: unknown];

/** PTTL's answer where there is no such key; -1 is one without a TTL. */
const noKey = -2;
const ascii = /^[\x00-\x7f]*$/;

/** Texts are sent several times faster than bytes. */
function argument(key: string): string | Buffer {
  return ascii.test(key) ? key : Buffer.from(key, "latin1");
}

function readingOf(key: string, [getError, value]: Reply, [ttlError, ttlMs]: Reply): Reading {
  const wrongType = getError?.message.startsWith("WRONGTYPE") === true;
  if (getError && !wrongType) throw getError;
  if (ttlError) throw ttlError;
  // No key: then it ended between the two commands.
  const gone = ttlMs === noKey || (value === null && !wrongType);
  const leftMs = Number(ttlMs) >= 0 ? Number(ttlMs) : null;
  return { key, value: gone ? null : wrongType ? notAString : String(value), leftMs };
}
