/**
 * One process of a plugin, as prox holds it: started by path without arguments, in a process group of its own, with
 * a JSON object a line on stdin and stdout.
 *
 * A line over 64 KiB ends the reading for good while the process runs on. 32 messages wait to be taken, then the
 * next are dropped. It counts as gone when the process has ended and nothing holds its output open.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { keep } from "./keeper.ts";

const MAX_LINE_BYTES = 64 * 1024;
const WAITING_PUSHES = 32;

/** What a plugin sends on stdout. */
export interface Push {
  method: string;
  params: {
    route_id?: string;
    action?: string;
    targets?: string[];
    groups?: Record<string, string[]>;
    socket?: string;
    hooks?: string[];
    download_mbps?: number;
    upload_mbps?: number;
    group_key?: string;
    level?: string;
    message?: string;
    args?: unknown[];
  };
}

export type Say = (level: "debug" | "info" | "warn" | "error", message: string) => void;

export interface PluginPlace {
  name: string;
  path: string;
  cwd: string;
  env: NodeJS.ProcessEnv;
}

export class PluginProcess {
  readonly pid: number;
  /** Resolves when it is gone and every message it left has been taken. */
  readonly gone: Promise<void>;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #name: string;
  readonly #say: Say;
  readonly #take: (push: Push) => void;
  #waiting: Push[] = [];
  #kept = Buffer.alloc(0);
  #reading = true;

  private constructor(
    child: ChildProcessByStdio<Writable, Readable, Readable>,
    name: string,
    say: Say,
    take: (push: Push) => void,
  ) {
    this.#child = child;
    this.#name = name;
    this.#say = say;
    this.#take = take;
    this.pid = child.pid ?? 0;
    const release = keep("process", this.pid);
    child.stdin.on("error", () => {});
    child.stdout.on("data", (chunk) => this.#read(chunk));
    child.stderr.on("data", (text) => this.#complained(String(text)));
    child.once("exit", () => this.#reading || child.stdout.destroy());
    this.gone = once(child, "close").then(() => {
      release();
      this.#drain();
    });
  }

  /** Rejects when the program can't be started. */
  static async start(place: PluginPlace, say: Say, take: (push: Push) => void): Promise<PluginProcess> {
    const { path, cwd, env, name } = place;
    const child = spawn(path, [], { cwd, env, detached: true, stdio: ["pipe", "pipe", "pipe"] });
    const process = child.pid === undefined ? undefined : new PluginProcess(child, name, say, take);
    await once(child, "spawn");
    if (!process) throw new Error(`${path} has no process`);
    return process;
  }

  /** Escapes what Go's encoder does. */
  send(message: object): void {
    const line = JSON.stringify(message).replace(
      /[<>&]/g,
      (sign) => `\\u00${sign.charCodeAt(0).toString(16)}`,
    );
    this.#child.stdin.write(`${line}\n`);
  }

  endStdin(): void {
    this.#child.stdin.end();
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #read(chunk: Buffer): void {
    this.#kept = Buffer.concat([this.#kept, chunk]);
    for (let end = this.#kept.indexOf(0x0a); end >= 0 && this.#reading; end = this.#kept.indexOf(0x0a)) {
      if (end >= MAX_LINE_BYTES) break;
      this.#line(this.#kept.subarray(0, end).toString().replace(/\r$/, ""));
      this.#kept = this.#kept.subarray(end + 1);
    }
    if (this.#kept.length < MAX_LINE_BYTES || !this.#reading) return;
    this.#reading = false;
    this.#child.stdout.pause();
    this.#say("debug", `plugin stdout closed plugin=${this.#name} err="token too long"`);
  }

  #line(line: string): void {
    if (line === "") return;
    const push = pushOf(line);
    if (push === "invalid") this.#say("warn", `plugin sent invalid JSON plugin=${this.#name} line=${line}`);
    else if (push && this.#waiting.length >= WAITING_PUSHES)
      this.#say("warn", `plugin push buffer full plugin=${this.#name} method=${push.method}`);
    else if (push && this.#waiting.push(push) === 1) setImmediate(() => this.#drain());
  }

  #drain(): void {
    for (const push of this.#waiting.splice(0)) this.#take(push);
  }

  #complained(text: string): void {
    for (const line of text.split(/\r?\n/)) if (line) this.#say("debug", `[${this.#name}] ${line}`);
  }
}

/** Undefined for what is no push, such as the answer to a configure. */
function pushOf(line: string): Push | "invalid" | undefined {
  try {
    const value = JSON.parse(line) as Partial<Push> | null;
    if (typeof value !== "object" || Array.isArray(value)) return "invalid";
    return value?.method ? { method: value.method, params: value.params ?? {} } : undefined;
  } catch {
    return "invalid";
  }
}
