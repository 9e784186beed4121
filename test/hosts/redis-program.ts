import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Building, built } from "./cache.ts";
import { onPath, run } from "./process.ts";

/** redis-server and the libraries beside it that a system without it lacks. */
const PACKAGES = ["redis-server", "redis-tools", "libjemalloc2", "liblzf1", "libatomic1"];

export interface RedisProgram {
  program: string;
  env: Record<string, string>;
}

/** Why Redis can't be run as a program here; undefined if it can. */
export async function redisMissing(): Promise<string | undefined> {
  if (await onPath("redis-server")) return undefined;
  if ((await onPath("apt-get")) && (await onPath("dpkg"))) return undefined;
  return "no redis-server on PATH, and this is no Debian to unpack one from";
}

/** redis-server from PATH, or else Debian's, unpacked into the cache without being installed. */
export async function redisProgram(): Promise<RedisProgram> {
  const installed = await onPath("redis-server");
  if (installed) return { program: installed, env: {} };
  const root = await built(await fromDebian());
  const libraries = (await readdir(join(root, "usr/lib"))).map((folder) => join(root, "usr/lib", folder));
  return { program: join(root, "usr/bin/redis-server"), env: { LD_LIBRARY_PATH: libraries.join(":") } };
}

async function fromDebian(): Promise<Building> {
  const release = existsSync("/etc/os-release") ? await readFile("/etc/os-release", "utf8") : "";
  return {
    name: "redis-debian",
    recipe: `${PACKAGES} ${release}`,
    async build(folder) {
      await run({ program: "apt-get", args: ["download", ...PACKAGES], cwd: folder });
      const packages = (await readdir(folder)).filter((file) => file.endsWith(".deb"));
      for (const file of packages) await run({ program: "dpkg", args: ["-x", file, "."], cwd: folder });
    },
  };
}
