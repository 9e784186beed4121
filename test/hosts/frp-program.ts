import { copyFile, readdir, readFile } from "node:fs/promises";
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

function fromModuleProxy(): Promise<Building> {
  return goModule("frp", MODULE, COMMANDS);
}

/**
 * `packages` built into `bin/` in a Go module of our own, of frp's packages: frp's go.mod has a replace, which
 * `go install` refuses. The tag leaves out the web pages, which the module doesn't carry.
 */
export async function goModule(name: string, module: string, packages: string[]): Promise<Building> {
  const sources = (await readdir(module)).filter((file) => file.endsWith(".go")).sort();
  const texts = ["go.mod", ...sources].map((file) => readFile(join(module, file), "utf8"));
  return {
    name,
    recipe: (await Promise.all(texts)).join(""),
    async build(folder) {
      for (const file of ["go.mod", "go.sum", ...sources])
        await copyFile(join(module, file), join(folder, file));
      await run({ program: "go", args: ["build", "-tags", "noweb", "-o", "bin/", ...packages], cwd: folder });
    },
  };
}
