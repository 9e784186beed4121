/** What is agreed between FaultControl and the modules of inside/: the variables, and the file's content. */
import { readFileSync } from "node:fs";

/** Sluice takes any other variable that begins with SLUICE_ for a misspelt setting. */
export const controlVariable = "SLUICE_TEST_FAULT_CONTROL";
export const shadowVariable = "SLUICE_TEST_FAULT_SHADOW";
/** Where the journal's folder lies, when not in data.dir itself. */
export const journalDirVariable = "SLUICE_TEST_FAULT_JOURNAL_DIR";

export interface DiskControl {
  /** How writes fail; null when they don't. */
  readonly write: "EIO" | "ENOSPC" | null;
  readonly sync: "EIO" | null;
  /** How long each takes more. One that waits goes on as soon as this is lowered. */
  readonly syncDelayMs: number;
  readonly writeDelayMs: number;
  /** `journal`: segments only. `all`: the gap file, the cursor and the instance id too. */
  readonly files: "journal" | "all";
}

export interface Control {
  readonly disk: DiskControl;
  readonly clockOffsetMs: number;
  readonly blockMs: number;
}

export const calm: Control = {
  disk: { write: null, sync: null, syncDelayMs: 0, writeDelayMs: 0, files: "journal" },
  clockOffsetMs: 0,
  blockMs: 0,
};

/** As it is now. */
export function readControl(): Control {
  return JSON.parse(readFileSync(process.env[controlVariable]!, "utf8")) as Control;
}

/** Where inside/block.ts says which process it is in. */
export function pidFile(controlFile: string): string {
  return `${controlFile}.pid`;
}
