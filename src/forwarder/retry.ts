import type { Limits } from "./limits.ts";

/** Doubles from the first wait to the longest; half of it by chance, so that lanes do not all knock at once. */
export function delayMs(failures: number, limits: Limits, random: () => number): number {
  const whole = Math.min(limits.retryMaxMs, limits.retryFirstMs * 2 ** (failures - 1));
  return whole / 2 + (whole / 2) * random();
}
