/** Another revision of this repository, checked out beside it, to take turns with this one. */
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "../hosts/folder.ts";
import { run } from "../hosts/process.ts";
import type { Version } from "./part.ts";

export interface OtherVersion extends Version {
  remove(): Promise<void>;
}

/** @throws Error of git where there is no such revision */
export async function checkedOut(revision: string, repository: string): Promise<OtherVersion> {
  const git = (...args: string[]): Promise<string> => run({ program: "git", args, cwd: repository });
  const name = (await git("rev-parse", "--short", "--verify", `${revision}^{commit}`)).trim();
  const folder = await temporaryFolder("bench-revision");
  const tree = join(folder.path, "tree");
  const remove = async (): Promise<void> => {
    await folder.remove();
    await git("worktree", "prune");
  };
  try {
    await git("worktree", "add", "--detach", "--quiet", tree, name);
    await symlink(join(repository, "node_modules"), join(tree, "node_modules"));
    return { name, tree, remove };
  } catch (thrown) {
    await remove();
    throw thrown;
  }
}
