/** What Prometheus reads of the settings. */
import type { Registry } from "prom-client";
import { gauge } from "./figures.ts";

export interface SettingsState {
  /** Whether the last reload was taken. */
  readonly successful: boolean;
  /** Settings that have changed and wait for a restart. */
  readonly waiting: readonly string[];
}

export function settingsMetrics(registry: Registry, state: () => SettingsState): void {
  const figure = (name: string, help: string, pick: (now: SettingsState) => number): void =>
    gauge(registry, `sluice_config_${name}`, help, () => pick(state()));
  figure("last_reload_successful", "1 unless the last reload of the settings was refused", ({ successful }) =>
    Number(successful),
  );
  figure(
    "waiting_settings",
    "Settings that have changed and wait for a restart",
    ({ waiting }) => waiting.length,
  );
}
