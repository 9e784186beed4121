/**
 * Lines of the log that anybody can cause, and so in any number.
 *
 *   a line ──the first `mostOfKind` of its kind in a minute──▶ written
 *      └──────the others──▶ counted ──the minute is over, or flush()──▶ one line that says how many
 *
 * Guarantee: none goes without a trace: it is written, or counted in a line of its kind. At log.level debug all are written.
 */
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";

const windowMs = 60_000;
const mostOfKind = 60;
/** Of all kinds together; the first of each is written all the same. */
const mostLines = 1_000;
/** Further ones are counted as one. */
const mostKinds = 500;

type Level = "info" | "warn" | "error";
type Fields = Readonly<Record<string, unknown>>;

interface Counted {
  readonly level: Level;
  readonly kind: Fields;
  readonly text: string;
  written: number;
  leftOut: number;
}

export class BoundedLines {
  readonly #log: Log;
  readonly #clock: Clock;
  #kinds = new Map<string, Counted>();
  #written = 0;
  #cancel = (): void => {};

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** @param kind what lines of a kind have in common; strangers must not be able to make many kinds */
  write(level: Level, kind: Fields, more: Fields, text: string): void {
    if (this.#kinds.size === 0) this.#cancel = this.#clock.after(windowMs, () => this.flush());
    const counted = this.#countedAs(level, kind, text);
    const all = this.#log.isLevelEnabled("debug");
    if (!all && counted.written > 0 && (counted.written >= mostOfKind || this.#written >= mostLines)) {
      counted.leftOut += 1;
      return;
    }
    counted.written += 1;
    this.#written += 1;
    this.#log[level]({ ...kind, ...more }, text);
  }

  /** Tells what was left out, and begins a new minute. */
  flush(): void {
    this.#cancel();
    const kinds = this.#kinds;
    this.#kinds = new Map();
    this.#written = 0;
    for (const { level, kind, text, leftOut } of kinds.values()) {
      if (leftOut > 0)
        this.#log[level]({ ...kind, leftOut }, `${text}: more lines of this kind were left out`);
    }
  }

  #countedAs(level: Level, kind: Fields, text: string): Counted {
    const name = `${text}\0${Object.values(kind).join("\0")}`;
    const own = this.#kinds.get(name);
    if (own !== undefined) return own;
    const full = this.#kinds.size >= mostKinds;
    const shared = full ? this.#kinds.get("") : undefined;
    if (shared !== undefined) return shared;
    const counted = {
      level,
      kind: full ? {} : kind,
      text: full ? "of other kinds" : text,
      written: 0,
      leftOut: 0,
    };
    this.#kinds.set(full ? "" : name, counted);
    return counted;
  }
}
