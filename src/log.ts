/** The log: JSON lines, or readable ones on a terminal; always on stderr, since stdout may carry a protocol. */
import { writeSync } from "node:fs";
import { createRequire } from "node:module";
import { isatty } from "node:tty";
import { type Logger, pino } from "pino";
import type { Settings } from "./config/settings.ts";

export type Log = Pick<Logger, "debug" | "info" | "warn" | "error" | "isLevelEnabled">;

/** Whose level may be set while it is used. */
export type OwnLog = Log & { level: string };

const stderrFd = 2;

/** Control characters that JSON leaves as they are, and some terminals obey. */
const strayControls = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

export function createLog(settings: Settings["log"], out = new LineSink()): OwnLog {
  const options = { level: settings.level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  if (!isForPeople(settings)) {
    return pino({ ...options, formatters: { level: (level) => ({ level }) } }, out);
  }
  // Loaded for people only: programs need not wait for it.
  const { prettyFactory } = createRequire(import.meta.url)("pino-pretty") as typeof import("pino-pretty");
  const colorize = isatty(stderrFd) && !process.env.NO_COLOR;
  const pretty = prettyFactory({ colorize, translateTime: "SYS:HH:MM:ss.l", singleLine: true });
  return pino(options, { write: (line: string) => out.write(pretty(line).replace(strayControls, "?")) });
}

/** Whether the log is written for people rather than for programs. */
export function isForPeople({ format }: Settings["log"]): boolean {
  return (format ?? (isatty(stderrFd) ? "pretty" : "json")) === "pretty";
}

/** How long one line may wait for a reader that is slow. */
const patienceMs = 20;

/**
 * Writes lines to a file descriptor at once.
 *
 *   taken ──a line that is not──▶ losing ──the next line that is──▶ taken, and says how many were lost
 *
 * Guarantee: a full disk, a reader that is gone and one that stalls cost lines of the log; they neither end the
 * bridge nor hold it up for longer than `patienceMs`. Only a terminal that is held with Ctrl-S does.
 */
export class LineSink {
  readonly #fd: number;
  readonly #write: typeof writeSync;
  #lost = 0;

  constructor(fd = stderrFd, write = writeSync) {
    // Node makes a pipe or socket non-blocking when it first opens a stream on it; else a full one would hold us up.
    if (fd === stderrFd) void process.stderr;
    this.#fd = fd;
    this.#write = write;
  }

  write(text: string): void {
    const notice = this.#lost === 0 ? "" : lossNotice(this.#lost);
    if (this.#takes(Buffer.from(notice + text))) this.#lost = 0;
    else this.#lost += 1;
  }

  #takes(bytes: Buffer): boolean {
    const untilMs = performance.now() + (this.#lost === 0 ? patienceMs : 0);
    for (let at = 0; at < bytes.length; ) {
      try {
        at += this.#write(this.#fd, bytes, at);
      } catch (thrown) {
        const full = (thrown as NodeJS.ErrnoException).code === "EAGAIN";
        if (!full || performance.now() >= untilMs) return false;
        pauseMs(1);
      }
    }
    return true;
  }
}

/** On a line of its own: the last one that was written may have been cut. */
function lossNotice(lines: number): string {
  const time = new Date().toISOString();
  return `\n${JSON.stringify({ level: "warn", time, lines, msg: "lines of the log were lost: stderr did not take them" })}\n`;
}

const nothing = new Int32Array(new SharedArrayBuffer(4));

function pauseMs(ms: number): void {
  Atomics.wait(nothing, 0, 0, ms);
}
