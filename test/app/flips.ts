/** One user's rule, flipped again and again between deny and allow, each time to a value that no other flip writes. */
import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";

export interface Flip {
  readonly value: string;
  /** What it refuses alice with; null when it allows. */
  readonly refuses: string | null;
  /** Both by performance.now(). */
  readonly sentMs: number;
  readonly repliedMs: number;
}

/** The value of flip `n`. */
export function flipValue(n: number): Pick<Flip, "value" | "refuses"> {
  if (n % 2 === 0) return { value: `deny ${n}`, refuses: String(n) };
  return { value: JSON.stringify({ effect: "allow", note: String(n) }), refuses: null };
}

/** Writes flips 1 to `count` one after the other, each but the last followed by a random part of `gapMs`. */
export async function flipRule(
  { url, key, count, gapMs }: { url: string; key: string; count: number; gapMs: number },
  random: () => number,
): Promise<Flip[]> {
  const redis = new Redis(url);
  try {
    const flips: Flip[] = [];
    for (let n = 1; n <= count; n++) {
      const sentMs = performance.now();
      await redis.set(key, flipValue(n).value);
      flips.push({ ...flipValue(n), sentMs, repliedMs: performance.now() });
      if (n < count) await delay(random() * gapMs);
    }
    return flips;
  } finally {
    redis.disconnect();
  }
}
