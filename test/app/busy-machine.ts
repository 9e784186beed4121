/** How slow the machine is while a test measures something else. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { BridgeHost } from "../hosts/bridge.ts";

/**
 * Asks a bridge for nothing and its disk for a byte, again and again; the longest that this took, in milliseconds, is
 * how late anything may have been.
 */
export async function slowestAnswerMs(
  { adminUrl, folder }: BridgeHost,
  whileRunning: Promise<unknown>,
): Promise<number> {
  await using file = await open(join(folder, "beside"), "w");
  const ask = async (): Promise<void> => void (await (await fetch(`${adminUrl}/healthz`)).text());
  const sync = async (): Promise<void> => {
    await file.write("x", 0);
    await file.datasync();
  };
  let running = true;
  const slowestOf = async (action: () => Promise<void>): Promise<number> => {
    let slowestMs = 0;
    while (running) {
      const beganMs = performance.now();
      await action();
      slowestMs = Math.max(slowestMs, performance.now() - beganMs);
      await delay(20);
    }
    return slowestMs;
  };
  const slowest = [slowestOf(ask), slowestOf(sync)];
  await whileRunning.finally(() => {
    running = false;
  });
  return Math.max(...(await Promise.all(slowest)));
}
