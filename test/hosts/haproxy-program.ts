import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fromDebian, mayUnpackDebian } from "./debian-package.ts";
import { onPath } from "./process.ts";

/** haproxy and the libraries that a system without it lacks. */
const PACKAGES = ["haproxy", "liblua5.3-0", "libopentracing-c-wrapper0", "libopentracing1", "libpcre2-8-0"];

export interface HaproxyProgram {
  program: string;
  env: Record<string, string>;
}

/** Why HAProxy can't be run here; undefined if it can. */
export async function haproxyMissing(): Promise<string | undefined> {
  if (await installed()) return undefined;
  if (await mayUnpackDebian()) return undefined;
  return "no haproxy is installed, and this is no Debian to unpack one from";
}

/** The installed haproxy, or else Debian's, unpacked into the cache without being installed. */
export async function haproxyProgram(): Promise<HaproxyProgram> {
  const program = await installed();
  if (program !== undefined) return { program, env: {} };
  const root = await fromDebian("haproxy-debian", PACKAGES);
  const libraries = (await readdir(join(root, "usr/lib"))).map((folder) => join(root, "usr/lib", folder));
  return { program: join(root, "usr/sbin/haproxy"), env: { LD_LIBRARY_PATH: libraries.join(":") } };
}

async function installed(): Promise<string | undefined> {
  const places = [await onPath("haproxy"), "/usr/sbin/haproxy"];
  return places.find((place) => place !== undefined && existsSync(place));
}
