/** Programs of Debian's, unpacked into the cache without being installed. */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { built } from "./cache.ts";
import { onPath, run } from "./process.ts";

export async function mayUnpackDebian(): Promise<boolean> {
  return Boolean((await onPath("apt-get")) && (await onPath("dpkg")));
}

/** The folder in which the packages lie as they would below the root. */
export async function fromDebian(name: string, packages: readonly string[]): Promise<string> {
  const release = existsSync("/etc/os-release") ? await readFile("/etc/os-release", "utf8") : "";
  return built({
    name,
    recipe: `${packages} ${release}`,
    async build(folder) {
      await run({ program: "apt-get", args: ["download", ...packages], cwd: folder });
      const files = (await readdir(folder)).filter((file) => file.endsWith(".deb"));
      for (const file of files) await run({ program: "dpkg", args: ["-x", file, "."], cwd: folder });
    },
  });
}
