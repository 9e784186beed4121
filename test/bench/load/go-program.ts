/** The load generator in Go, built once into the tests' cache. */
import { join } from "node:path";
import { built, isBuilt } from "../../hosts/cache.ts";
import { goModule } from "../../hosts/frp-program.ts";
import { onPath } from "../../hosts/process.ts";

const module = join(import.meta.dirname, "go");

/** Its path; undefined where it cannot be had: it waits for its connections by Linux's epoll. */
export async function goProgram(): Promise<string | undefined> {
  if (process.platform !== "linux") return undefined;
  const building = await goModule("bench-load", module, ["."]);
  if (!isBuilt(building) && (await onPath("go")) === undefined) return undefined;
  return join(await built(building), "bin", "load");
}
