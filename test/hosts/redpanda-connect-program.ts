import { join } from "node:path";
import { type Building, built, isBuilt } from "./cache.ts";
import { goModule } from "./frp-program.ts";
import { onPath } from "./process.ts";

const MODULE = join(import.meta.dirname, "redpanda-connect-module");

/** Why Redpanda Connect can't be run here; undefined if it can. */
export async function redpandaConnectMissing(): Promise<string | undefined> {
  const { SLUICE_TEST_REDPANDA_CONNECT_BIN } = process.env;
  if (SLUICE_TEST_REDPANDA_CONNECT_BIN || isBuilt(await fromSource()) || (await onPath("go")))
    return undefined;
  return "no go on PATH to build redpanda-connect with";
}

/** The path of Redpanda Connect, made of those of its components that connectors/ uses. */
export async function redpandaConnectProgram(): Promise<string> {
  const { SLUICE_TEST_REDPANDA_CONNECT_BIN } = process.env;
  return SLUICE_TEST_REDPANDA_CONNECT_BIN || join(await built(await fromSource()), "bin/redpanda-connect");
}

function fromSource(): Promise<Building> {
  return goModule("redpanda-connect", MODULE, ["."]);
}
