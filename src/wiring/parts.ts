/** What every wiring step is given. */
import type { Clock } from "../clock.ts";
import type { LiveSettings } from "../config/live.ts";
import type { Settings } from "../config/settings.ts";
import type { Log } from "../log.ts";
import type { Resources } from "../resources.ts";

export interface WiringParts {
  /** As they were at the start. */
  readonly settings: Settings;
  readonly live: LiveSettings;
  readonly log: Log;
  readonly clock: Clock;
  /** Each step registers here how what it opened is released. */
  readonly resources: Resources;
  /** Absolute path of data.dir, locked. */
  readonly dataDir: string;
}

/** How long a part may take to end, in milliseconds; what it must wait for comes on top. */
export const releaseMs = 5_000;
