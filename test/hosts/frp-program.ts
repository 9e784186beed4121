import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Building, built, isBuilt } from "./cache.ts";
import { onPath, run } from "./process.ts";

const MODULE = join(import.meta.dirname, "frp-module");
const COMMANDS = ["github.com/fatedier/frp/cmd/frps", "github.com/fatedier/frp/cmd/frpc"];

/** The paths of the two programs. */
export interface FrpPrograms {
  frps: string;
  frpc: string;
}

/** frp's programs as the environment names them. */
function frpGiven(): FrpPrograms | undefined {
  const { SLUICE_TEST_FRPS_BIN: frps, SLUICE_TEST_FRPC_BIN: frpc } = process.env;
  return frps && frpc ? { frps, frpc } : undefined;
}

/** Why frp can't be run here; undefined if it can. */
export async function frpMissing(): Promise<string | undefined> {
  if (frpGiven() || isBuilt(await fromModuleProxy()) || (await onPath("go"))) return undefined;
  return "no go on PATH to build frps and frpc with";
}

export async function frpPrograms(): Promise<FrpPrograms> {
  const given = frpGiven();
  if (given) return given;
  const folder = await built(await fromModuleProxy());
  return { frps: join(folder, "bin/frps"), frpc: join(folder, "bin/frpc") };
}

/**
 * Built in a module of our own: frp's go.mod has a replace, which `go install` refuses. The tag leaves out the web
 * pages, which the module doesn't carry.
 */
async function fromModuleProxy(): Promise<Building> {
  return {
    name: "frp",
    recipe: await readFile(join(MODULE, "go.mod"), "utf8"),
    async build(folder) {
      for (const file of ["go.mod", "go.sum"]) await copyFile(join(MODULE, file), join(folder, file));
      await run({ program: "go", args: ["build", "-tags", "noweb", "-o", "bin/", ...COMMANDS], cwd: folder });
    },
  };
}
