/** Commands of Sluice, whose output is the demo's. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { keep } from "../../test/hosts/keeper.ts";
import { mainFile } from "../stack/stack.ts";

export interface Running {
  /** Its exit code; null where a signal ended it. */
  readonly ended: Promise<number | null>;
  end(): Promise<void>;
}

/** @param args without `sluice` */
export function startSluice(args: readonly string[]): Running {
  const child = spawn(process.execPath, [mainFile, ...args], {
    stdio: ["ignore", "inherit", "inherit"],
    detached: true,
  });
  const release = keep("process", child.pid!);
  const ended = once(child, "exit").then(([code]) => {
    release();
    return code as number | null;
  });
  return {
    ended,
    async end() {
      child.kill("SIGINT");
      await ended;
    },
  };
}
