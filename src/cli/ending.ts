/**
 * SIGINT and SIGTERM to a command that reads until it has all.
 *
 *   reading ──signal──▶ ending ──what is read lets go──▶ the command's own last words
 *                         └──5 s, something still waits for a broker──▶ `lastWords`, and the process ends
 */
import type { Clock } from "../clock.ts";

type EndingSignal = "SIGINT" | "SIGTERM";

export interface Ending {
  /** Aborted when somebody asks for the end. */
  readonly signal: AbortSignal;
  /** Sets the exit code that a shell knows such an end by. */
  tell(): void;
}

const endsWithinMs = 5_000;

export function endingBySignal(clock: Clock, lastWords: () => void): Ending {
  const ending = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      ending.abort(signal);
      clock.after(endsWithinMs, () => {
        lastWords();
        process.exit(exitCodeAt(signal));
      });
    });
  }
  return {
    signal: ending.signal,
    tell() {
      process.exitCode = exitCodeAt(ending.signal.reason);
    },
  };
}

/** As a shell tells of a program that a signal ended. */
function exitCodeAt(signal: EndingSignal): number {
  return signal === "SIGINT" ? 130 : 143;
}
