import { join } from "node:path";
import { type Building, built, isBuilt } from "./cache.ts";
import { goModule } from "./frp-program.ts";
import { onPath } from "./process.ts";

const MODULE = join(import.meta.dirname, "frp-ends-module");

/** Why frps-ends can't be run here; undefined if it can. */
export async function frpEndsMissing(): Promise<string | undefined> {
  const { SLUICE_TEST_FRPS_ENDS_BIN } = process.env;
  if (SLUICE_TEST_FRPS_ENDS_BIN || isBuilt(await fromSource()) || (await onPath("go"))) return undefined;
  return "no go on PATH to build frps-ends with";
}

/** The path of frps-ends: frps made of frp's own packages, which sends CloseUserConn too. */
export async function frpEndsProgram(): Promise<string> {
  const { SLUICE_TEST_FRPS_ENDS_BIN } = process.env;
  return SLUICE_TEST_FRPS_ENDS_BIN || join(await built(await fromSource()), "bin/frps-ends");
}

function fromSource(): Promise<Building> {
  return goModule("frps-ends", MODULE, ["."]);
}
