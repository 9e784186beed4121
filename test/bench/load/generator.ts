/**
 * Asks a server, from a process of its own, and gives what was found.
 *
 *   closed   each connection has one call under way: as much as the server can answer
 *   open     so many calls a second, answered or not; times count from when a call was due
 *   frps     so many askers, each with one call under way, by a client that keeps two idle connections
 *   bursts   so many calls at once by such a client, and the next ones when all have been answered
 *
 * In Go where it can be had, else in Node; bench's part `generators` compares what the two cost.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { answerBody } from "../../../src/frp/answers.ts";
import { keep } from "../../hosts/keeper.ts";
import { callFile } from "./call-file.ts";
import { callsOf, type Mix } from "./calls.ts";
import { goProgram } from "./go-program.ts";

export type Mode = "closed" | "open" | "frps" | "bursts";

export interface Asking {
  readonly mode: Mode;
  readonly port: number;
  /** The server's process, for its processor time. */
  readonly pid: number;
  /** Or askers, or calls of a burst. */
  readonly connections: number;
  /** Of an open loop. */
  readonly perSecond?: number;
  readonly warmUpMs: number;
  readonly countMs: number;
}

/** Times in milliseconds; processor times in microseconds an answer. */
export interface Figures {
  readonly answers: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  /** Of the server: all its threads, and its main thread. */
  readonly cpuUs: number;
  readonly mainThreadUs: number;
  readonly generatorUs: number;
  /** While counting. */
  readonly connectionsOpened: number;
}

export type Language = "go" | "node";

const calls = 16_384;
const lateMs = 60_000;
export const expectedAnswer = answerBody({ kind: "allow" }, Buffer.alloc(0));

export class Generator {
  readonly language: Language;
  readonly #command: readonly string[];
  readonly #pool: string;
  #run = Math.floor(Math.random() * 0xffffff);

  private constructor(language: Language, command: readonly string[], pool: string) {
    this.language = language;
    this.#command = command;
    this.#pool = pool;
  }

  /** @param wanted undefined: Go where it can be had; undefined is given back where the wanted one cannot */
  static async make(folder: string, mix: Mix, wanted?: Language): Promise<Generator | undefined> {
    const pool = join(folder, `calls-${mix}`);
    await writeFile(pool, callFile(callsOf(mix, calls)));
    const go = wanted === "node" ? undefined : await goProgram();
    if (go !== undefined) return new Generator("go", [go], pool);
    if (wanted === "go") return undefined;
    return new Generator("node", [process.execPath, join(import.meta.dirname, "node-load.ts")], pool);
  }

  /** @throws Error that says what was not answered as it must be */
  ask(asking: Asking): Promise<Figures> {
    const child = this.#start(asking);
    const late = setTimeout(() => child.kill("SIGKILL"), asking.warmUpMs + asking.countMs + lateMs);
    return figuresOf(child).finally(() => clearTimeout(late));
  }

  /** Asks, from when warming up has ended, until it is told to stop. */
  begin(asking: Omit<Asking, "countMs">): { stop(): Promise<Figures>; readonly failed: Promise<never> } {
    const child = this.#start({ ...asking, countMs: 0 });
    const figures = figuresOf(child);
    const failed = new Promise<never>((_, reject) => figures.catch(reject));
    failed.catch(() => {});
    return {
      failed,
      stop() {
        child.stdin!.end();
        return figures;
      },
    };
  }

  #start(asking: Asking): ChildProcess {
    const run = this.#run++;
    const work = {
      perSecond: 0,
      ...asking,
      pool: this.#pool,
      expected: expectedAnswer,
      run,
      firstPass: (run * 61) % 40_000,
    };
    const [program, ...args] = this.#command as [string, ...string[]];
    return spawn(program, [...args, JSON.stringify(work)], { stdio: ["pipe", "pipe", "pipe"] });
  }
}

async function figuresOf(child: ChildProcess): Promise<Figures> {
  const release = keep("process", child.pid!);
  child.stdin!.on("error", () => {});
  const [output, problem] = await Promise.all([text(child.stdout!), text(child.stderr!), ended(child)]);
  release();
  if (output === "")
    throw new Error(`the load ended: ${problem.trim() || "it did not come to its end, and was killed"}`);
  return JSON.parse(output) as Figures;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}
