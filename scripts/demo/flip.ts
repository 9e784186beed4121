/** A rule is written, and users connect one right after the other until one has met it. */
import type { Redis } from "ioredis";
import type { Overhearing } from "./overhearing.ts";

const givesUpMs = 10_000;

/** All from the moment at which the write began, in milliseconds. */
export interface Flipped {
  /** Until Redis had taken it. */
  readonly writtenMs: number;
  /** Until the plugin gave its first answer by it. */
  readonly answeredMs: number;
}

/**
 * @param deny a user's rule; null takes it away
 * @param connects to a proxy of this user; resolves with whether somebody was served
 * @throws Error when it is not in force within ten seconds
 */
export async function flip(
  redis: Redis,
  user: string,
  deny: string | null,
  overhearing: Overhearing,
  connects: () => Promise<boolean>,
): Promise<Flipped> {
  const key = `sluice:policy:user:${user}`;
  const letIn = deny === null;
  const answered = overhearing.answered(user, letIn);
  const fromMs = performance.now();
  const writing: Promise<unknown> = deny === null ? redis.del(key) : redis.set(key, deny);
  const written = writing.then(() => performance.now() - fromMs);
  while ((await connects()) !== letIn) {
    if (performance.now() - fromMs > givesUpMs)
      throw new Error(`${key} was not in force after ${givesUpMs} ms`);
  }
  return { writtenMs: await written, answeredMs: (await answered).atMs - fromMs };
}
