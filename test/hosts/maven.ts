import { copyFile, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Building } from "./cache.ts";
import { run } from "./process.ts";

const COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

/** The jars that a pom.xml of ours names, with all that they need, in `place` of a folder of the cache. */
export async function jarsOf(name: string, pom: string, place: string): Promise<Building> {
  return {
    name,
    recipe: await readFile(pom, "utf8"),
    async build(folder) {
      await copyFile(pom, join(folder, "pom.xml"));
      const args = ["-q", "-B", "-ntp", COPY, `-DoutputDirectory=${place}`, "-DincludeScope=runtime"];
      await run({ program: "mvn", args, cwd: folder });
      await rm(join(folder, "pom.xml"));
    },
  };
}
