/** A log whose warnings and errors also go into prox's own, where operators of prox look: it shows stderr at debug alone. */
import type { Log } from "../log.ts";
import type { ProxStdio, PushLevel } from "./stdio.ts";

type Method = (fields: object, text: string) => void;

/** @param all whether lines of info go there, too; asked for each */
export function pushingLog(log: Log, stdio: Pick<ProxStdio, "log">, all: () => boolean): Log {
  const both = (level: PushLevel): Method => {
    return (fields, text) => {
      log[level](fields, text);
      stdio.log(level, text, argsOf(fields));
    };
  };
  const info = both("info");
  return {
    // The log has other methods when its level is another.
    debug: (fields: object, text: string) => log.debug(fields, text),
    isLevelEnabled: (level) => log.isLevelEnabled(level),
    info: (fields: object, text: string) => (all() ? info(fields, text) : log.info(fields, text)),
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
