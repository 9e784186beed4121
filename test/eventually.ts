import { vi } from "vitest";

/** vi.waitFor gives up after a second, which is short where tests and real servers share a processor. */
const givesUpMs = 20_000;
const everyMs = 25;

/** Tries again and again until it does not throw, and resolves with what it returns. */
export function eventually<T>(holds: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(holds, { timeout: givesUpMs, interval: everyMs });
}
