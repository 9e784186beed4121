import { chmod, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { temporaryFolder } from "./folder.ts";
import { closeWithFile } from "./open.ts";
import { onPath } from "./process.ts";
import { wayOf } from "./provider.ts";
import { redisProgram } from "./redis-program.ts";

const STAND_IN = join(import.meta.dirname, "redis-cli-stand-in.ts");

/** A folder for PATH with a `redis-cli` that talks to the Redis at this port of loopback. */
export async function redisCliFor(port: number): Promise<string> {
  const folder = await temporaryFolder("redis-cli");
  closeWithFile({ [Symbol.asyncDispose]: () => folder.remove() });
  const script = join(folder.path, "redis-cli");
  await writeFile(script, `#!/bin/sh\nexec ${await commandOf(port)} "$@"\n`);
  await chmod(script, 0o755);
  return folder.path;
}

/** The redis-cli of PATH, or the one beside redis-server; where Redis is only an image, one of our own. */
async function commandOf(port: number): Promise<string> {
  const place = `-h 127.0.0.1 -p ${port}`;
  const installed = await onPath("redis-cli");
  if (installed) return `'${installed}' ${place}`;
  if ((await wayOf("redis")) === "docker") return standInFor(port);
  const { program, env } = await redisProgram();
  const assigned = Object.entries(env).map(([name, value]) => `${name}='${value}'`);
  return ["env", ...assigned, `'${join(dirname(program), "redis-cli")}'`, place].join(" ");
}

/** In words for sh. */
export function standInFor(port: number): string {
  return `'${process.execPath}' '${STAND_IN}' ${port}`;
}
