/**
 * Test files that start nothing and touch nothing that another one could notice. They share a thread and the modules
 * that they import, of which each would otherwise load hundreds anew.
 */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Servers and processes, a worker of its own, and whatever belongs to the whole process. */
const ofTheProcess =
  /hosts\/|sluice\.ts"|node:(child_process|worker_threads)|\bprocess\.|\bglobalThis\.|\bvi\./;

/** In the order of their names, from `root` on. */
export function unitFiles(root: string): string[] {
  return globSync("test/**/*.test.ts", { cwd: root, exclude: ["test/{hosts,feeds,deploy}/**"] })
    .filter((file) => !ofTheProcess.test(readFileSync(join(root, file), "utf8")))
    .sort();
}
