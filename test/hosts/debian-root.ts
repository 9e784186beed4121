import { chmod, rm } from "node:fs/promises";
import { join } from "node:path";
import { built } from "./cache.ts";
import { onPath, run } from "./process.ts";

const RELEASE = "trixie";
/** What Debian's slim image leaves out too. */
const LEFT_OUT = [
  "var/cache/apt",
  "var/lib/apt/lists",
  "usr/share/doc",
  "usr/share/info",
  "usr/share/locale",
  "usr/share/man",
];

/** A tar of Debian's smallest root file system, put into the cache by Debian's own installer, which takes root. */
export async function debianRoot(): Promise<string> {
  const program = await onPath("debootstrap");
  if (!program) throw new Error("no debootstrap on PATH to make a Debian with");
  const folder = await built({
    name: `debian-${RELEASE}`,
    recipe: LEFT_OUT.join(" "),
    async build(folder) {
      const root = join(folder, "root");
      await run({ program, args: ["--variant=minbase", RELEASE, root], cwd: folder });
      for (const part of LEFT_OUT) await rm(join(root, part), { recursive: true, force: true });
      await chmod(root, 0o755);
      await run({ program: "tar", args: ["-C", root, "-cf", "root.tar", "."], cwd: folder });
      await rm(root, { recursive: true });
    },
  });
  return join(folder, "root.tar");
}
