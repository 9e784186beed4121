/** The plugins that are compared, each as prox starts it: by a file, without arguments. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { envNameOf } from "../../src/config/setting-rows.ts";
import { keep } from "../hosts/keeper.ts";

const tree = join(import.meta.dirname, "..", "..");

/** Every request for deny.test is refused. */
export const policy = { "domain:deny.test": "deny not here" };

/** @returns the path of a program that becomes the floor */
export async function floorProgram(folder: string): Promise<string> {
  return program(
    folder,
    "floor",
    `cd '${folder}'\nexec '${process.execPath}' '${join(import.meta.dirname, "prox-floor.ts")}'`,
  );
}

/** @returns the path of a program that becomes Sluice, with a policy and a data directory of its own */
export async function sluiceProgram(
  folder: string,
  name: string,
  { sync, cache }: { readonly sync: string; readonly cache: boolean },
): Promise<string> {
  const place = join(folder, name);
  await mkdir(place);
  await writeFile(join(place, "policy.json"), JSON.stringify(policy));
  const settings = {
    "policy.file": join(place, "policy.json"),
    "data.dir": join(place, "data"),
    "journal.sync": sync,
    // The oldest goes when this is full: a long run fills no disk.
    "journal.maxBytes": "256MiB",
    "admin.port": 0,
    "log.level": "warn",
  };
  const env = Object.entries(settings).map(([key, value]) => `export ${envNameOf(key)}='${value}'`);
  env.push(
    cache ? `export NODE_COMPILE_CACHE='${join(folder, "cache")}'` : "export NODE_DISABLE_COMPILE_CACHE=1",
  );
  return program(folder, name, `${env.join("\n")}\nexec '${join(tree, "bin", "sluice-prox")}'`);
}

async function program(folder: string, name: string, body: string): Promise<string> {
  const path = join(folder, `${name}.sh`);
  await writeFile(path, `#!/bin/sh\n${body}\n`);
  await chmod(path, 0o755);
  return path;
}

export interface Plugin {
  readonly socket: string;
  /** From its start until it said ready. */
  readonly readyMs: number;
  end(): Promise<void>;
}

/** @throws Error when it ends before it is ready */
export async function startPlugin(path: string): Promise<Plugin> {
  const startedMs = performance.now();
  const child: ChildProcess = spawn(path, [], { stdio: ["pipe", "pipe", "inherit"] });
  const release = keep("process", child.pid!);
  const ended = once(child, "exit").then(release);
  const lines = createInterface({ input: child.stdout! });
  child.stdin!.write('{"method":"configure","params":{"route_id":"web:0"}}\n');
  const { promise: said, resolve } = Promise.withResolvers<{ socket: string }>();
  lines.on("line", (line) => {
    const { method, params } = JSON.parse(line);
    if (method === "ready") resolve(params);
  });
  const ready = await Promise.race([said, ended.then(() => null)]);
  if (ready === null) throw new Error(`${path} ended before it was ready`);
  const readyMs = performance.now() - startedMs;
  const { socket } = ready;
  return {
    socket,
    readyMs,
    async end() {
      child.stdin!.end();
      await ended;
    },
  };
}
