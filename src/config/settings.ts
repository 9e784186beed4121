/**
 * Every setting, once: its default, its unit and its sentence. `sluice config`, the README's table and the
 * names in the environment all come from here.
 */
import { z } from "zod";
import { admin, http, nodeSettings, prox } from "./groups/entrances.ts";
import { kafka } from "./groups/kafka.ts";
import { ban, policy, redis } from "./groups/policy.ts";
import { log, stop } from "./groups/process.ts";
import { events, journal, sessions } from "./groups/records.ts";
import { filePath, nodeName, setting } from "./setting.ts";

const groups = { http, prox, redis, policy, ban, kafka, journal, events, sessions, admin, stop, log };

export const settingsSchema = z.strictObject({
  node: setting(nodeName.default("frps"), "the frps's name when the path has none"),
  nodes: z
    .record(nodeName, nodeSettings)
    .default({})
    .meta({ description: "per frps: auth, subdomainHost, closeUserConn (file only)" }),
  data: z.strictObject({
    dir: setting(
      filePath.default("./data"),
      "journal, cursor, instance id, last known policy, open sessions",
    ),
  }),
  ...groups,
});

/** Settings of one frps. */
export const nodeFields = [
  "auth",
  "subdomainHost",
  "closeUserConn",
] as const satisfies readonly (keyof z.infer<typeof nodeSettings>)[];

export type Settings = z.infer<typeof settingsSchema>;

/** @param key such as `http.port`, or of a group; undefined where nothing is set */
export function valueAt(settings: Settings, key: string): unknown {
  return key
    .split(".")
    .reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], settings);
}

export function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}
