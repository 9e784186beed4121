/**
 * The images that a Dockerfile builds on. Where no registry answers, ones of the same names are made: Debian installed
 * into a folder, and for Node's the Node and npm of this machine laid over it. What only this machine needs to reach
 * its registry of packages, certificates and an address, goes into that one, so that the Dockerfile is built as it is.
 */
import { existsSync } from "node:fs";
import { copyFile, cp, mkdir, readFile, realpath, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { debianRoot } from "./debian-root.ts";
import { temporaryFolder } from "./folder.ts";
import { onPath, run } from "./process.ts";

const DEBIAN = "debian:13-slim";
const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";

/** Pulls or makes what the FROM lines of a Dockerfile name. */
export async function baseImagesOf(dockerfile: string): Promise<void> {
  const text = await readFile(dockerfile, "utf8");
  for (const [, name] of text.matchAll(/^FROM (\S+)/gm)) await baseImage(name!);
}

async function baseImage(name: string): Promise<void> {
  if (await canBeHad(name)) return;
  if (name === DEBIAN) await makeDebian();
  else if (name.startsWith("node:")) await makeNode(name);
  else throw new Error(`${name} could not be pulled, and nothing here makes it`);
}

export async function canBeHad(name: string): Promise<boolean> {
  const succeeds = (...args: string[]): Promise<boolean> =>
    run({ program: "docker", args }).then(
      () => true,
      () => false,
    );
  return (await succeeds("image", "inspect", name)) || (await succeeds("pull", "--quiet", name));
}

/** Debian's smallest image, which further ones are made from. */
export async function makeDebian(): Promise<string> {
  if (!(await canBeHad(DEBIAN))) {
    const made = ["--change", "LABEL sluice.test=made-of-local-programs"];
    await run({ program: "docker", args: ["import", ...made, await debianRoot(), DEBIAN] });
  }
  return DEBIAN;
}

async function makeNode(name: string): Promise<void> {
  const npm = await onPath("npm");
  if (!npm) throw new Error(`${name} could not be pulled, and there is no npm here to make it of`);
  const folder = await temporaryFolder("node-image");
  const place = join(folder.path, "usr/local");
  const program = dirname(dirname(await realpath(npm)));
  await mkdir(join(place, "bin"), { recursive: true });
  await copyFile(await realpath(process.execPath), join(place, "bin/node"));
  await cp(program, join(place, "lib/node_modules/npm"), { recursive: true });
  await symlink("../lib/node_modules/npm/bin/npm-cli.js", join(place, "bin/npm"));
  const registry = await run({ program: npm, args: ["config", "get", "registry"], cwd: folder.path });
  const env = [`npm_config_registry=${registry.trim()}`];
  const certificates = process.env.NODE_EXTRA_CA_CERTS ?? CERTIFICATES;
  if (existsSync(certificates)) {
    await mkdir(join(folder.path, dirname(CERTIFICATES)), { recursive: true });
    await copyFile(certificates, join(folder.path, CERTIFICATES));
    env.push(`NODE_EXTRA_CA_CERTS=${CERTIFICATES}`);
  }
  const dockerfile = [`FROM ${await makeDebian()}`, "COPY . /", ...env.map((line) => `ENV ${line}`)];
  await writeFile(join(folder.path, "Dockerfile"), `${dockerfile.join("\n")}\n`);
  await run({ program: "docker", args: ["build", "--tag", name, folder.path] });
  await folder.remove();
}
