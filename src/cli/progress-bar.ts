/**
 * How far long work is, on stderr.
 *
 * On a terminal one line that is written over, at most ten times a second, and gone at the end; elsewhere a line
 * every ten seconds, so that a log shows that it goes on.
 */
import type { Clock } from "../clock.ts";

interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const barWidth = 30;
const terminalEveryMs = 100;
const otherwiseEveryMs = 10_000;
/** The clock is asked once in so many records. */
const askEvery = 256;

export class ProgressBar {
  readonly #screen: Screen;
  readonly #clock: Clock;
  readonly #everyMs: number;
  #total = 0;
  #read = 0;
  #beganMs = 0;
  #nextMs = 0;
  #shown = false;

  constructor(screen: Screen, clock: Clock) {
    this.#screen = screen;
    this.#clock = clock;
    this.#everyMs = screen.isTTY ? terminalEveryMs : otherwiseEveryMs;
  }

  begin(total: number): void {
    this.#total = total;
    this.#beganMs = this.#clock.monotonic();
    this.#nextMs = this.#beganMs + this.#everyMs;
  }

  /** One record more. */
  step(): void {
    // Until the first one came a consumer joined its group, which says nothing of the rate.
    if (this.#read === 0) this.#beganMs = this.#clock.monotonic();
    this.#read++;
    if (this.#read % askEvery === 0) this.#showInTime();
  }

  /** So many records in all. */
  reached(records: number): void {
    this.#read = records;
    this.#showInTime();
  }

  /** Lets something else be said, on a line of its own. */
  above(say: () => void): void {
    const shown = this.#shown;
    this.end();
    say();
    if (shown) this.#show(this.#clock.monotonic() - this.#beganMs);
  }

  end(): void {
    if (this.#shown && this.#screen.isTTY) this.#screen.write("\r\u001b[K");
    this.#shown = false;
  }

  #showInTime(): void {
    const nowMs = this.#clock.monotonic();
    if (nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + this.#everyMs;
    this.#show(nowMs - this.#beganMs);
  }

  #show(passedMs: number): void {
    const text = progressText(this.#read, this.#total, passedMs);
    if (!this.#screen.isTTY) {
      this.#screen.write(`sluice: ${text}\n`);
      return;
    }
    this.#shown = true;
    const done = Math.round(barWidth * shareOf(this.#read, this.#total));
    const bar = `[${"#".repeat(done)}${" ".repeat(barWidth - done)}] `;
    // A terminal that does not know its width says 0.
    const columns = this.#screen.columns || 80;
    // A line that wraps could not be written over.
    const line = bar.length + text.length < columns ? bar + text : text.slice(0, columns - 1);
    this.#screen.write(`\r${line}\u001b[K`);
  }
}

function progressText(read: number, total: number, passedMs: number): string {
  const perSecond = passedMs === 0 ? 0 : Math.round((read / passedMs) * 1000);
  const leftS = perSecond === 0 ? 0 : Math.ceil(Math.max(0, total - read) / perSecond);
  const percent = Math.floor(100 * shareOf(read, total));
  return `${percent} %, ${grouped(read)} records, ${grouped(perSecond)}/s, ${timeText(leftS)} left`;
}

function shareOf(read: number, total: number): number {
  return total === 0 ? 1 : Math.min(1, read / total);
}

function timeText(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  return seconds < 3600 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** `1234567` as `1,234,567`. */
export function grouped(number: number): string {
  return number.toLocaleString("en-US");
}
