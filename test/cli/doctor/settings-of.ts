import { loadSettings } from "../../../src/config/load.ts";
import { envNameOf } from "../../../src/config/setting-rows.ts";
import type { Settings } from "../../../src/config/settings.ts";
import type { BridgeSettings } from "../../hosts/bridge.ts";

/** As a command has them, with nothing from whoever runs the tests. */
export function settingsOf(settings: BridgeSettings): Settings {
  const named = Object.entries(settings).map(([key, value]) => [envNameOf(key), String(value)]);
  return loadSettings(null, Object.fromEntries(named)).settings;
}
