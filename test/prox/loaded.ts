/** A prox with the plugin, its rules, and what is behind them, ready for a load. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { envNameOf } from "../../src/config/setting-rows.ts";
import { startBackend } from "../hosts/backend.ts";
import type { BridgeSettings } from "../hosts/bridge.ts";
import type { Prox, ProxConfig } from "../hosts/prox-config.ts";
import { bridged, type Start, startUpstream, type Upstream } from "../hosts/prox-setting.ts";
import { makeDir } from "../journal/harness.ts";
import { loadPolicy } from "./load.ts";
import { pluginPath } from "./plugin-process.ts";

export interface Loaded {
  readonly prox: Prox;
  readonly upstream: Upstream;
  /** data.dir, in which the slots lie; the policy file is there too. */
  readonly dir: string;
  /** With the plugin at this path. */
  readonly configOf: (plugin: string) => ProxConfig;
}

export async function startLoaded(
  start: Start,
  { dir = makeDir(), ...settings }: BridgeSettings & { dir?: string } = {},
): Promise<Loaded> {
  const policy = join(dir, "policy.json");
  writeFileSync(policy, JSON.stringify(loadPolicy));
  const [upstream, { echoPort }] = [await startUpstream(), await startBackend()];
  const configOf = (plugin: string): ProxConfig => bridged(plugin, upstream.address, `127.0.0.1:${echoPort}`);
  // As long as the plugin_timeout of the config allows.
  const patient = { "prox.deadlineMs": 2_400 };
  const all = { "data.dir": dir, "policy.file": policy, "admin.port": 0, ...patient, ...settings };
  const env = Object.entries(all).map(([key, value]) => [envNameOf(key), String(value)]);
  const prox = await start({ config: configOf(pluginPath), env: Object.fromEntries(env) });
  await prox.readied();
  await prox.log.saw(/answers prox/);
  return { prox, upstream, dir, configOf };
}
