import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fromDebian, mayUnpackDebian } from "./debian-package.ts";
import { onPath } from "./process.ts";

/** redis-server and the libraries beside it that a system without it lacks. */
const PACKAGES = ["redis-server", "redis-tools", "libjemalloc2", "liblzf1", "libatomic1"];

export interface RedisProgram {
  program: string;
  env: Record<string, string>;
}

/** Why Redis can't be run as a program here; undefined if it can. */
export async function redisMissing(): Promise<string | undefined> {
  if (await onPath("redis-server")) return undefined;
  if (await mayUnpackDebian()) return undefined;
  return "no redis-server on PATH, and this is no Debian to unpack one from";
}

/** redis-server from PATH, or else Debian's, unpacked into the cache without being installed. */
export async function redisProgram(): Promise<RedisProgram> {
  const installed = await onPath("redis-server");
  if (installed) return { program: installed, env: {} };
  const root = await fromDebian("redis-debian", PACKAGES);
  const libraries = (await readdir(join(root, "usr/lib"))).map((folder) => join(root, "usr/lib", folder));
  return { program: join(root, "usr/bin/redis-server"), env: { LD_LIBRARY_PATH: libraries.join(":") } };
}
