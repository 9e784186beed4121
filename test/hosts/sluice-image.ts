import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { baseImagesOf } from "./base-images.ts";
import { onlyOne } from "./cache.ts";
import { run } from "./process.ts";

const repository = join(import.meta.dirname, "../..");
const dockerfile = join(repository, "deploy/image/Dockerfile");

/**
 * The image of this checkout, built by the Dockerfile as it stands and named as compose.yaml names it. npm reaches its
 * registry as this machine does.
 */
export async function sluiceImage(): Promise<string> {
  const { version } = JSON.parse(await readFile(join(repository, "package.json"), "utf8"));
  const name = `sluice:${version}`;
  await onlyOne("sluice-image", async () => {
    await baseImagesOf(dockerfile);
    const args = ["build", "--network", "host", "--file", dockerfile, "--tag", name, repository];
    await run({ program: "docker", args });
  });
  return name;
}
