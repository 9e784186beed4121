import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { keep } from "./keeper.ts";
import type { Log } from "./log.ts";

export interface Command {
  program: string;
  args: string[];
  cwd?: string;
  /** Added to the environment of this process. */
  env?: Record<string, string>;
}

/**
 * A running program whose output goes to a log, and which never outlives the process that started it. It has a process
 * group of its own: Ctrl-C in the terminal reaches who started it, who then ends what it has started in its order.
 */
export class Supervised {
  readonly exited: Promise<void>;
  readonly #child: ChildProcess;

  constructor(command: Command, log: Log) {
    const child = spawn(command.program, command.args, {
      cwd: command.cwd,
      env: { ...process.env, ...command.env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    this.#child = child;
    const release = child.pid === undefined ? () => {} : keep("process", child.pid);
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream }).on("line", (line) => log.add(line));
    }
    child.once("error", (error) => log.add(String(error)));
    this.exited = once(child, "close").then(release, () => {});
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Null while it runs, and where a signal ended it. */
  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Sends `name`, then SIGKILL if it is still there after `graceMs`; resolves when it has ended. */
  async end(name: NodeJS.Signals, graceMs: number): Promise<void> {
    this.signal(name);
    const timer = setTimeout(() => this.signal("SIGKILL"), graceMs);
    await this.exited;
    clearTimeout(timer);
  }
}

const execFileAsync = promisify(execFile);

/** Runs a program to its end and returns its output; the error of a failed one carries what it wrote. */
export async function run({ program, args, cwd, env }: Command): Promise<string> {
  const running = execFileAsync(program, args, {
    cwd,
    env: { ...process.env, ...env },
    maxBuffer: 64 * 1024 * 1024,
  });
  const { pid } = running.child;
  const release = pid === undefined ? () => {} : keep("process", pid);
  const { stdout } = await running
    .finally(release)
    .catch((error: Error & { stdout?: string; stderr?: string }) => {
      const output = `${error.stdout ?? ""}${error.stderr ?? ""}`.trim().split("\n").slice(-20).join("\n");
      throw new Error(`${program} ${args.slice(0, 3).join(" ")} failed: ${output || error.message}`, {
        cause: error,
      });
    });
  return stdout;
}

/** Where `program` lies on PATH. */
export async function onPath(program: string): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const candidate = join(folder, program);
    const found = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return candidate;
  }
  return undefined;
}
