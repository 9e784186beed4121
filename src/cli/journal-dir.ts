/** Where the journal lies that is read on this machine: in `data.dir`, or below it where a plugin of prox writes it. */
import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import type { Settings } from "../config/settings.ts";
import { slotFoldersIn } from "../prox/slot-folders.ts";

/** @param say is told of other journals that could have been meant */
export function journalDirOf({ data }: Settings, say: (notice: string) => void): string {
  const dir = resolve(data.dir);
  const [first, ...others] = slotFoldersIn(dir);
  if (first === undefined || existsSync(join(dir, "journal"))) return dir;
  if (others.length > 0) {
    const named = others.map((other) => `SLUICE_DATA_DIR=${relative("", other) || other}`).join(" or ");
    say(`this is the journal in ${relative("", first) || first}; plugins of prox have others: ${named}`);
  }
  return first;
}
