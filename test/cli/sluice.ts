import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { envNameOf } from "../../src/config/setting-rows.ts";
import { type BridgeSettings, compileCache, startArgs } from "../hosts/bridge.ts";
import { keep } from "../hosts/keeper.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Surroundings {
  readonly settings?: BridgeSettings;
  /** More of the environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What stands on its standard input; nothing without it. */
  readonly input?: string;
  /** What stands before the arguments; the program in the sources unless something else is named. */
  readonly command?: readonly [string, ...string[]];
}

/** The environment without settings of whoever runs the tests, and with these. */
export function environment({ settings = {}, env = {} }: Surroundings): Record<string, string> {
  const outer = Object.entries(process.env).filter(
    (entry): entry is [string, string] => !entry[0].startsWith("SLUICE_") && entry[1] !== undefined,
  );
  const own = Object.entries(settings).map(([key, value]) => [envNameOf(key), String(value)] as const);
  return {
    ...Object.fromEntries(outer),
    NO_COLOR: "1",
    NODE_COMPILE_CACHE: compileCache,
    ...Object.fromEntries(own),
    ...env,
  };
}

/** Runs the program to its end. */
export async function sluice(args: readonly string[], surroundings: Surroundings = {}): Promise<Ended> {
  const [program, ...first] = surroundings.command ?? [process.execPath, ...startArgs, main];
  const child = spawn(program, [...first, ...args], {
    cwd: surroundings.cwd,
    env: environment(surroundings),
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.end(surroundings.input);
  const release = keep("process", child.pid!);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close") as Promise<[number | null]>,
  ]);
  release();
  return { code, stdout, stderr };
}

/** What it says to people, without the lines of the log. */
export function messageOf({ stderr }: Ended): string {
  return stderr
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("{"))
    .join("\n");
}

/** A call as frps makes it; resolves with the answer. */
export async function call(
  url: string,
  op: string,
  content: Record<string, unknown>,
  headers: Record<string, string> = {},
): Promise<unknown> {
  const body = JSON.stringify({ version: "0.1.0", op, content });
  const response = await fetch(url, { method: "POST", body, headers });
  return response.json();
}
