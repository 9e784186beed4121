import { rm } from "node:fs/promises";
import { join } from "node:path";
import { built } from "./cache.ts";
import { run } from "./process.ts";

const PACKAGE = "@grafana/schema@13.2.3";

/** The file of the types that Grafana publishes for dashboards; from npm, into the cache. */
export async function grafanaTypes(): Promise<string> {
  const folder = await built({
    name: "grafana-schema",
    recipe: PACKAGE,
    async build(place) {
      const packed = (await run({ program: "npm", args: ["pack", "--silent", PACKAGE], cwd: place })).trim();
      await run({ program: "tar", args: ["xzf", packed], cwd: place });
      await rm(join(place, packed));
    },
  });
  return join(folder, "package/dist/types/raw/dashboard/x/types.gen.d.ts");
}
