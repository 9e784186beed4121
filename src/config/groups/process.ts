/** How the process stops and what it logs. */
import { z } from "zod";
import { milliseconds, setting } from "../setting.ts";

export const stop = z.strictObject({
  delayMs: setting(milliseconds.default(0), "how long the listener stays open after /readyz fails", {
    unit: "ms",
    live: true,
  }),
  drainMs: setting(milliseconds.default(2000), "longest wait for connections to end", {
    unit: "ms",
    live: true,
  }),
});

export const log = z.strictObject({
  level: setting(z.enum(["debug", "info", "warn", "error"]).default("info"), "least level logged", {
    live: true,
  }),
  format: setting(z.enum(["pretty", "json"]).optional(), "by default pretty on a terminal, json else"),
});
