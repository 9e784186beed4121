/** A log whose lines from info upwards also go into prox's own, where operators of prox look. */
import type { Log } from "../log.ts";
import type { ProxStdio, PushLevel } from "./stdio.ts";

type Method = (fields: object, text: string) => void;

export function pushingLog(log: Log, stdio: Pick<ProxStdio, "log">): Log {
  const both = (level: PushLevel): Method => {
    return (fields, text) => {
      log[level](fields, text);
      stdio.log(level, text, argsOf(fields));
    };
  };
  return {
    debug: log.debug.bind(log),
    isLevelEnabled: (level) => log.isLevelEnabled(level),
    info: both("info"),
    warn: both("warn"),
    error: both("error"),
  } as Log;
}

/** Names and values in turn. */
function argsOf(fields: object): string[] {
  return Object.entries(fields).flatMap(([name, value]) => [
    name,
    typeof value === "string" ? value : (JSON.stringify(value) ?? "undefined"),
  ]);
}
