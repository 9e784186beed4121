/** A script of package.json, run by a test, and the proof that it leaves nothing behind. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished } from "vitest";
import { eventually } from "../eventually.ts";
import { temporaryFolder } from "../hosts/folder.ts";
import { keep } from "../hosts/keeper.ts";
import { Log } from "../hosts/log.ts";
import { run } from "../hosts/process.ts";

/** A script of package.json that runs. */
export interface Started {
  readonly child: ChildProcess;
  readonly log: Log;
  readonly ended: Promise<number | null>;
  /** Resolves when nothing is left of it; what clears away outlives it for a moment. */
  leavesNothing(): Promise<void>;
}

/**
 * Each with a folder for temporary ones of its own, by which all that it starts can be known.
 * @param file from this folder on
 */
export async function start(
  file: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Started> {
  const folder = await temporaryFolder("script");
  onTestFinished(() => folder.remove());
  const child = spawn(process.execPath, [fileURLToPath(new URL(file, import.meta.url)), ...args], {
    env: { ...process.env, ...env, TMPDIR: folder.path },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const release = keep("process", child.pid!);
  const log = new Log();
  for (const output of [child.stdout, child.stderr]) {
    createInterface({ input: output }).on("line", (line) => log.add(line));
  }
  const ended = once(child, "exit").then(([code]) => {
    release();
    return code as number | null;
  });
  return {
    child,
    log,
    ended,
    async leavesNothing() {
      const processes = async (): Promise<string[]> => {
        const list = await run({ program: "ps", args: ["axeww", "-o", "pid,command"] });
        return list.split("\n").filter((line) => line.includes(`TMPDIR=${folder.path}`));
      };
      await eventually(async () => expect(await processes()).toEqual([]));
      expect(await readdir(folder.path)).toEqual([]);
    },
  };
}
