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

/** Control characters that JSON leaves as they are: some terminals obey them, and some readers begin a line at one. */
const strayControls = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

export function createLog(settings: Settings["log"], out = new LineSink()): OwnLog {
  const options = { level: settings.level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  if (!isForPeople(settings)) {
    const write = (line: string): void => out.write(line.replace(strayControls, escaped));
    return pino({ ...options, formatters: { level: (level) => ({ level }) } }, { write });
  }
  // Loaded for people only: programs need not wait for it.
  const { prettyFactory } = createRequire(import.meta.url)("pino-pretty") as typeof import("pino-pretty");
  const colorize = isatty(stderrFd) && !process.env.NO_COLOR;
  const pretty = prettyFactory({ colorize, translateTime: "SYS:HH:MM:ss.l", singleLine: true });
  return pino(options, { write: (line: string) => out.write(pretty(line).replace(strayControls, "?")) });
}

/** As JSON may write it: whoever parses the line finds what was there. */
function escaped(control: string): string {
  return `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Whether the log is written for people rather than for programs. */
export function isForPeople({ format }: Settings["log"]): boolean {
  return (format ?? (isatty(stderrFd) ? "pretty" : "json")) === "pretty";
}

/** What may wait for a reader that is slow; a burst of refused calls is some hundred lines of 400 bytes. */
const mostWaitingBytes = 1024 * 1024;
const againMs = 5;
/** How long the end of the process waits for a reader. */
const lastWordsMs = 200;

/**
 * Writes lines to a file descriptor, at once while it takes them.
 *
 *   taken ──full──▶ waiting, in order ──the reader goes on──▶ taken
 *                      └──more than `mostWaitingBytes`──▶ losing ──there is room──▶ waiting, and says how many were lost
 *
 * Guarantee: a full disk, a reader that is gone and one that stalls cost lines of the log; they neither end the
 * bridge nor hold it up. Only a terminal that is held with Ctrl-S does.
 */
export class LineSink {
  readonly #fd: number;
  readonly #write: typeof writeSync;
  readonly #later: (again: () => void) => void;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** Of the first that waits. */
  #written = 0;
  #lost = 0;
  #due = false;
  #watchesEnd = false;

  constructor(fd = stderrFd, write = writeSync, later = inAMoment) {
    // Node makes a pipe or socket non-blocking when it first opens a stream on it; else a full one would hold us up.
    if (fd === stderrFd) void process.stderr;
    this.#fd = fd;
    this.#write = write;
    this.#later = later;
  }

  write(text: string): void {
    const line = Buffer.from(this.#lost === 0 ? text : lossNotice(this.#lost) + text);
    if (this.#waitingBytes + line.length > mostWaitingBytes) {
      this.#lost += 1;
      return;
    }
    this.#lost = 0;
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
    if (!this.#due) this.#flush();
  }

  #flush(): void {
    const full = !this.#takesAll();
    if (!full || this.#due) return;
    this.#due = true;
    this.#later(() => {
      this.#due = false;
      this.#flush();
    });
    if (this.#watchesEnd) return;
    this.#watchesEnd = true;
    process.once("exit", () => {
      for (
        const untilMs = performance.now() + lastWordsMs;
        !this.#takesAll() && performance.now() < untilMs;
      )
        pauseMs(1);
    });
  }

  /** False where the reader has to go on first. */
  #takesAll(): boolean {
    for (let [first] = this.#waiting; first !== undefined; [first] = this.#waiting) {
      try {
        this.#written += this.#write(this.#fd, first, this.#written);
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code === "EAGAIN") return false;
        this.#lost += this.#waiting.length;
        this.#waiting = [];
        this.#waitingBytes = this.#written = 0;
        return true;
      }
      if (this.#written < first.length) continue;
      this.#waiting.shift();
      this.#waitingBytes -= first.length;
      this.#written = 0;
    }
    return true;
  }
}

/** Keeps no process alive. */
function inAMoment(again: () => void): void {
  setTimeout(again, againMs).unref();
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
