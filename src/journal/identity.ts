/** The name of a data directory: who numbered its records. It stays when the bridge moves to another host. */
import { randomBytes } from "node:crypto";
import path from "node:path";
import { SluiceError, textOf } from "../errors.ts";
import { type Files, nodeFiles, readSmallFile, replaceFile } from "./files.ts";

/**
 * Reads `<dataDir>/instance`, or makes it.
 * @throws SluiceError data_dir_unusable
 */
export async function instanceOf(dataDir: string, files: Files = nodeFiles): Promise<string> {
  const file = path.join(dataDir, "instance");
  try {
    const found = (await readSmallFile(files, file, 256))?.trim();
    if (found !== undefined) return checked(found, file);
    const instance = `i_${randomBytes(8).toString("hex")}`;
    await files.makeFolder(dataDir);
    await replaceFile(files, file, `${instance}\n`);
    await files.syncFolder(dataDir);
    return instance;
  } catch (thrown) {
    if (thrown instanceof SluiceError) throw thrown;
    throw new SluiceError("data_dir_unusable", `${file}: ${textOf(thrown)}`, { cause: thrown });
  }
}

function checked(instance: string, file: string): string {
  if (/^i_[0-9a-f]{16}$/.test(instance)) return instance;
  throw new SluiceError(
    "data_dir_unusable",
    `${file} holds no instance id (i_ and 16 hex digits): put the one back that the events of this data directory ` +
      "carry, or delete the file to go on as a new instance",
  );
}
