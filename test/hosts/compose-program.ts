import { join } from "node:path";
import { type Building, built, isBuilt } from "./cache.ts";
import { goModule } from "./frp-program.ts";
import { onPath, run } from "./process.ts";

const MODULE = join(import.meta.dirname, "compose-module");
const COMMAND = "github.com/docker/compose/v2/cmd";

/** What stands before the arguments of Docker Compose. */
export type Compose = readonly [string, ...string[]];

/** Why Docker Compose can't be run here; undefined if it can. */
export async function composeMissing(): Promise<string | undefined> {
  if ((await installed()) || isBuilt(await fromModuleProxy()) || (await onPath("go"))) return undefined;
  return "no docker compose, and no go on PATH to build it with";
}

/** Docker's own plugin, or else built of its module, which takes some minutes once. */
export async function composeProgram(): Promise<Compose> {
  return (await installed()) ?? [join(await built(await fromModuleProxy()), "bin/cmd")];
}

async function installed(): Promise<Compose | undefined> {
  const works = await run({ program: "docker", args: ["compose", "version"] }).then(
    () => true,
    () => false,
  );
  return works ? ["docker", "compose"] : undefined;
}

function fromModuleProxy(): Promise<Building> {
  return goModule("compose", MODULE, [COMMAND]);
}
