/**
 * The wiring of the plugin that prox starts, in two steps.
 *
 *   slot ▶ socket, with a door where calls wait ▶ READY ▶ the rest (prox.ts), which opens the door
 *
 * Until the plugin is ready prox stands open. So nothing stands before READY that could wait for anybody, and nothing is
 * loaded for it that it does not need.
 */
import type { Clock } from "../clock.ts";
import type { LiveSettings } from "../config/live.ts";
import type { Log } from "../log.ts";
import type { PushPort } from "../prox/pusher.ts";
import { Resources } from "../resources.ts";
import { version } from "../version.ts";
import type { ProxApp } from "./prox.ts";
import { openEntrance } from "./prox-entrance.ts";

/** Within so much prox has written its first line, unless it never will. */
const firstLineMs = 100;

export interface ProxPort extends PushPort {
  /** Resolves when prox has been told; never where it has no use for it. */
  ready(socket: string): Promise<void>;
}

/**
 * @param clock whose monotonic time begins with the process
 * @param prox where it is told that the socket listens, and later its targets and speeds
 * @throws SluiceError for whatever keeps it from answering; what was acquired until then has been released
 */
export async function startProx(
  live: LiveSettings,
  log: Log,
  clock: Clock,
  prox: ProxPort,
): Promise<ProxApp> {
  const resources = new Resources(clock, log);
  try {
    const entrance = await openEntrance({ settings: live.now, live, log, clock, resources });
    const ready = prox.ready(entrance.socket).then(() => {
      const readyMs = Math.round(clock.monotonic());
      log.info({ socket: entrance.socket, version, readyMs }, "ready for prox");
      return readyMs;
    });
    // Loading the rest takes the processor, and would keep the first line of prox from being read.
    await Promise.race([ready, new Promise<void>((go) => void clock.after(firstLineMs, go))]);
    const { openProx } = await import("./prox.ts");
    return await openProx(entrance, ready, prox);
  } catch (thrown) {
    await resources.release();
    throw thrown;
  }
}
