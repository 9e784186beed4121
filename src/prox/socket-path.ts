/** Where prox's socket lies. */
import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { SluiceError } from "../errors.ts";
import { systemCode } from "../journal/files.ts";

/** Bytes that the path of a unix socket may have: 108 on Linux, 104 on macOS, with the one that ends it. */
const longestPath = 103;

/**
 * In the folder that this process has locked; where that has too long a path, in the temporary folder, in one of our own
 * there that nobody else can enter.
 *
 * @param folder that this process has locked
 * @returns an absolute path; the same for the same folder
 * @throws SluiceError data_dir_unusable
 */
export function socketPathIn(folder: string, temporary = tmpdir()): string {
  const near = resolve(folder, "prox.sock");
  if (Buffer.byteLength(near) <= longestPath) return near;
  const own = resolve(temporary, `sluice-${process.getuid?.() ?? 0}`);
  const name = createHash("sha256").update(resolve(folder)).digest("hex").slice(0, 16);
  const far = join(own, `${name}.sock`);
  if (Buffer.byteLength(far) > longestPath) {
    throw unusable(
      `neither ${near} nor ${far} is short enough for a socket; choose a data.dir with a shorter path`,
    );
  }
  makeOwn(own);
  return far;
}

/**
 * Removes what a dead process has left: the lock of its folder is ours.
 * @throws SluiceError data_dir_unusable when something else lies there
 */
export function removeStaleSocket(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw unusable(`${path} is in the way of the socket for prox; remove it`);
  unlinkSync(path);
}

/** Anybody may make a folder of that name in the temporary one, and then read what we say. */
function makeOwn(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (thrown) {
    if (systemCode(thrown) !== "EEXIST") throw unusable(`${folder} cannot be made`, thrown);
  }
  const made = lstatSync(folder);
  const isOurs =
    made.isDirectory() && made.uid === (process.getuid?.() ?? made.uid) && (made.mode & 0o077) === 0;
  if (!isOurs)
    throw unusable(`${folder} is not ours alone; remove it, or choose a data.dir with a shorter path`);
}

function unusable(text: string, cause?: unknown): SluiceError {
  return new SluiceError("data_dir_unusable", text, cause === undefined ? {} : { cause });
}
