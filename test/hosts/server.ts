import { readdir, readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import type { Folder } from "./folder.ts";
import { Log } from "./log.ts";
import { closeWithFile } from "./open.ts";
import { type Command, Supervised } from "./process.ts";

/**
 * A server under a test's control.
 *
 *   stopped ──start──▶ running ──pause──▶ paused
 *      ▲                 │  ▲────resume────┘
 *      └──stop, kill─────┴───── from paused too
 *
 * Its ports stay the same over any of these, and so does what it wrote to its disk. `close` ends it for good; the
 * end of the test file does the same.
 */
export interface Server extends AsyncDisposable {
  readonly log: Log;
  /** Resolves when it is ready. */
  start(): Promise<void>;
  /** Asks it to end, and resolves when it has. */
  stop(): Promise<void>;
  /** As a crash. */
  kill(): Promise<void>;
  /** It keeps its connections and answers nothing. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  restart(): Promise<void>;
  close(): Promise<void>;
}

export interface NativeOptions {
  command: Command;
  /** The line that says that it takes connections. */
  ready: RegExp;
  readyWithinMs: number;
  /** How long `stop` waits before it kills. */
  graceMs: number;
  /** Removed by `close`. */
  folder: Folder;
}

/** A program of this machine as a server. */
export class NativeServer implements Server {
  readonly log = new Log();
  readonly #options: NativeOptions;
  #process: Supervised | undefined;
  #latest: Supervised | undefined;

  constructor(options: NativeOptions) {
    this.#options = options;
    closeWithFile(this);
  }

  /** Settles when the process that runs has ended, however it came to that. */
  get exited(): Promise<void> {
    return this.#process?.exited ?? Promise.resolve();
  }

  /** Of the process that was started last: null while it runs, and where a signal ended it. */
  get exitCode(): number | null {
    return this.#latest?.exitCode ?? null;
  }

  async start(): Promise<void> {
    if (this.#process) throw new Error("is running already");
    const from = this.log.lines.length;
    const started = new Supervised(this.#options.command, this.log);
    this.#process = started;
    this.#latest = started;
    void started.exited.then(() => {
      if (this.#process === started) this.#process = undefined;
    });
    const { ready, readyWithinMs } = this.#options;
    await this.log.saw(ready, { timeoutMs: readyWithinMs, from, unless: started.exited });
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const ended = this.#process?.end(signal, this.#options.graceMs);
    // One that stands still hears both when it goes on: before it does anything else.
    this.#process?.signal("SIGCONT");
    await ended;
  }

  async kill(): Promise<void> {
    await this.#process?.end("SIGKILL", this.#options.graceMs);
  }

  signal(name: NodeJS.Signals): void {
    this.#process?.signal(name);
  }

  async pause(): Promise<void> {
    const pid = this.#process?.pid;
    this.signal("SIGSTOP");
    while (pid !== undefined && (await isRunning(pid))) await pause(5);
  }

  async resume(): Promise<void> {
    this.signal("SIGCONT");
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async close(): Promise<void> {
    await this.kill();
    await this.#options.folder.remove();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The signal is sent before it is obeyed, thread by thread: one that is late may still answer (Linux, proc(5)). */
async function isRunning(pid: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const stats = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/stat`, "utf8").catch(() => "")),
  );
  return stats.some((stat) => stat !== "" && !/^[TZX]/i.test(stat.slice(stat.lastIndexOf(")") + 2)));
}
