/** The folders of plugin processes in a data directory, as their names tell: `prox-1`, `prox-2`, … */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

const slotName = /^prox-[1-9]\d{0,3}$/;

/** Paths of those that hold a journal, by their numbers; none where the directory cannot be read. */
export function slotFoldersIn(dataDir: string): string[] {
  return namesIn(dataDir)
    .filter((name) => slotName.test(name) && existsSync(join(dataDir, name, "journal")))
    .sort((a, b) => numberOf(a) - numberOf(b))
    .map((name) => join(dataDir, name));
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

function numberOf(name: string): number {
  return Number(name.slice("prox-".length));
}
