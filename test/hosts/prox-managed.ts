/**
 * One plugin of prox: its process, which is restarted when it is gone, and the pool of its last ready.
 *
 *   started ──▶ running ──ready──▶ asked ──▶ gone ──1, 2, 4, 8, 16 s──▶ running …
 *
 * While it is gone its old socket is still asked, until the next process is ready: that is the crash window. The wait
 * begins anew with every message that a process sent. One that can't be started again stays away for good.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Caller } from "./prox-caller.ts";
import { PluginProcess, type Push, type Say } from "./prox-process.ts";
import type { Pushes } from "./prox-pushes.ts";

const DOUBLINGS = 4;

export interface ManagedOptions {
  folder: string;
  env: NodeJS.ProcessEnv;
  say: Say;
  /** What a plugin that keeps to the protocol never does. */
  fault: (what: string) => void;
  /** What a real prox does not survive. */
  crash: (why: string) => void;
  /** Before the first restart. */
  restartDelayMs: number;
}

/** A plugin that is to be there. */
export interface Wanted {
  name: string;
  path: string;
}

export class ManagedPlugin {
  readonly name: string;
  readonly path: string;
  process: PluginProcess | undefined;
  caller: Caller | undefined;
  hooks: readonly string[] = [];
  readonly #options: ManagedOptions;
  readonly #pushes: Pushes;
  readonly #life: AbortSignal;
  readonly #left = new AbortController();
  #attempts = 0;
  #readies = 0;

  /** Once `life` is aborted it is not restarted any more. */
  constructor({ name, path }: Wanted, life: AbortSignal, pushes: Pushes, options: ManagedOptions) {
    this.name = name;
    this.path = path;
    this.#life = AbortSignal.any([life, this.#left.signal]);
    this.#pushes = pushes;
    this.#options = options;
  }

  /** False, and a line in the log, when its program can't be started. */
  start(): Promise<boolean> {
    return this.#spawn("start");
  }

  /** Restarts it as long as it lives; `configure` is called for each new process. */
  async supervise(configure: () => void): Promise<void> {
    const { say, restartDelayMs } = this.#options;
    while (this.process) {
      await this.process.gone;
      if (this.#life.aborted) return;
      this.#attempts += 1;
      const delay = restartDelayMs * 2 ** Math.min(this.#attempts - 1, DOUBLINGS);
      say("warn", `plugin exited, restarting plugin=${this.name} attempt=${this.#attempts} delay=${delay}ms`);
      await sleep(delay, undefined, { signal: this.#life }).catch(() => {});
      if (this.#life.aborted) return;
      if (await this.#spawn("restart")) configure();
    }
  }

  /** Ends its stdin, and resolves when it is gone. */
  async stop(): Promise<void> {
    this.caller?.close();
    this.process?.endStdin();
    await this.process?.gone;
  }

  /** As the end of prox's process; `also` kills what would outlive it. */
  leave(also: "and kill" | undefined): void {
    this.#left.abort();
    this.caller?.close();
    this.process?.endStdin();
    if (also) this.process?.kill();
  }

  async #spawn(how: "start" | "restart"): Promise<boolean> {
    const { folder: cwd, env, say } = this.#options;
    const { name, path } = this;
    this.#readies = 0;
    this.process = undefined;
    try {
      this.process = await PluginProcess.start({ name, path, cwd, env }, say, (push) => this.#take(push));
      if (this.#left.signal.aborted) this.process.endStdin();
      say("debug", `plugin ${how}ed plugin=${name} pid=${this.process.pid}`);
      return true;
    } catch (error) {
      say("error", `plugin ${how} failed plugin=${name} err=${error}`);
      return false;
    }
  }

  #take({ method, params }: Push): void {
    const { say } = this.#options;
    this.#attempts = 0;
    if (method === "ready") this.#ready(params);
    else if (method === "set_targets") this.#pushes.setTargets(this.path, params);
    else if (method === "set_speed") this.#pushes.setSpeed(params);
    else if (method === "log") {
      const { level = "info", message = "", args = [] } = params;
      const known = (["debug", "warn", "error"] as const).find((name) => name === level);
      say(known ?? "info", `${message} plugin=${this.name} ${args.join(" ")}`);
    } else say("warn", `plugin unknown push method plugin=${this.name} method=${method}`);
  }

  #ready({ socket, hooks = [] }: Push["params"]): void {
    const { say, fault, crash } = this.#options;
    const { name } = this;
    if (!socket) {
      say("warn", `plugin ready without socket plugin=${name}`);
      return;
    }
    this.#readies += 1;
    if (this.#readies > 1) fault(`${name} said ready twice in one life`);
    if (this.caller?.closed) crash(`${name} said ready after its pool was closed`);
    this.caller?.close();
    this.caller = new Caller(socket);
    this.hooks = hooks;
    say("debug", `plugin ready plugin=${name} hooks=[${hooks.join(" ")}]`);
  }
}
