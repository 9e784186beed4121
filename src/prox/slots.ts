/**
 * A data directory for each plugin process that prox runs at a time: `<data>/prox-1`, `prox-2`, …
 *
 *   free ──takeSlot, takeDeadSlots──▶ held ──release, or the end of the process──▶ free, and dead until taken again
 *
 * prox starts a plugin once for each path, restarts one that crashed, and leaves one behind as an orphan that a reload
 * has taken out: several run at a time on one machine. Nobody waits for a lock: until the plugin is ready, prox is open.
 */
import { join } from "node:path";
import { SluiceError } from "../errors.ts";
import { type DirLock, lockDataDir } from "../journal/lock.ts";
import { slotFoldersIn } from "./slot-folders.ts";

const mostSlots = 9999;

export interface Slot extends DirLock {
  /** Its data directory. */
  readonly dir: string;
}

/**
 * The first that nobody holds, so that a process which takes a dead one's place goes on with its journal.
 * @throws SluiceError data_dir_unusable
 */
export function takeSlot(dataDir: string): Slot {
  for (let n = 1; n <= mostSlots; n++) {
    const slot = taken(join(dataDir, `prox-${n}`));
    if (slot !== null) return slot;
  }
  throw new SluiceError("data_dir_in_use", `all ${mostSlots} slots in ${dataDir} (data.dir) are taken`);
}

/** Those that dead processes have left and that hold a journal; one that cannot be used is left alone. */
export function takeDeadSlots(dataDir: string): Slot[] {
  return slotFoldersIn(dataDir).flatMap((dir) => {
    try {
      return taken(dir) ?? [];
    } catch {
      return [];
    }
  });
}

/** Null when another process has it. */
function taken(dir: string): Slot | null {
  try {
    const lock = lockDataDir(dir);
    return { dir, release: () => lock.release() };
  } catch (thrown) {
    if (thrown instanceof SluiceError && thrown.code === "data_dir_in_use") return null;
    throw thrown;
  }
}
