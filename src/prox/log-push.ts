/** A log whose warnings and errors also go into prox's own, where operators of prox look: it shows stderr at debug alone. */
import type { Log } from "../log.ts";
import type { ProxStdio, PushLevel } from "./stdio.ts";

type Method = (fields: object, text: string) => void;

/** @param all whether lines of info go there, too */
export function pushingLog(log: Log, stdio: Pick<ProxStdio, "log">, all: boolean): Log {
  const both = (level: PushLevel): Method => {
    return (fields, text) => {
      log[level](fields, text);
      stdio.log(level, text, argsOf(fields));
    };
  };
  return {
    debug: log.debug.bind(log),
    isLevelEnabled: (level) => log.isLevelEnabled(level),
    info: all ? both("info") : log.info.bind(log),
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
