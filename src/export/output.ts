/** Where an export goes: standard output, or a file that is there only when it is whole. */
import { once } from "node:events";
import { lstatSync, rmSync } from "node:fs";
import { type FileHandle, open, rename } from "node:fs/promises";
import { SluiceError, textOf } from "../errors.ts";

export interface Output {
  /** Resolves when more can be taken. */
  write(text: string): Promise<void>;
  /** All has been written. */
  finish(): Promise<void>;
  /** It is not to be. Does nothing behind finish(). */
  discard(): Promise<void>;
}

/** A reader that has enough ends the process: main.ts listens for that. */
export function standardOutput(): Output {
  return {
    async write(text) {
      if (!process.stdout.write(text)) await once(process.stdout, "drain");
    },
    async finish() {},
    async discard() {},
  };
}

/**
 *   writing beside its place ──finish──▶ on disk, in its place
 *                │──discard, or the end of the process──▶ gone; in its place is what was there
 *
 * @throws SluiceError output_unwritable, as all that it does
 */
export async function fileOutput(path: string): Promise<Output> {
  const there = lstatSync(path, { throwIfNoEntry: false });
  // A rename would put a file in the place of a device or a link.
  if (there !== undefined && !there.isFile()) throw unwritable(path, "it is there and no plain file");
  const beside = `${path}.${process.pid}.unfinished`;
  let file: FileHandle | null = await attempt(path, open(beside, "wx", 0o600));
  const remove = (): void => rmSync(beside, { force: true });
  process.once("exit", remove);
  const close = async (): Promise<void> => {
    await file?.close();
    file = null;
  };
  return {
    async write(text) {
      await attempt(path, file!.appendFile(text));
    },
    async finish() {
      await attempt(
        path,
        (async () => {
          await file!.sync();
          await close();
          await rename(beside, path);
        })(),
      );
      process.off("exit", remove);
    },
    async discard() {
      await close();
      remove();
    },
  };
}

async function attempt<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (thrown) {
    throw unwritable(path, textOf(thrown), thrown);
  }
}

function unwritable(path: string, problem: string, cause?: unknown): SluiceError {
  return new SluiceError("output_unwritable", `--output ${path}: ${problem}`, { cause });
}
