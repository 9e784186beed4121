/**
 * A root of its own for one process, or for a whole systemd: what a container or a booted host is to the program.
 * What it writes is thrown away with it; the network is this machine's.
 */
import { existsSync } from "node:fs";
import { chmod, mkdir, readFile, realpath, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "./folder.ts";
import { type Command, onPath, run } from "./process.ts";
import { NativeServer } from "./server.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const READY_WITHIN_MS = 30_000;
const GRACE_MS = 20_000;

/** Where Debian and most others have it. */
const SYSTEMD = "/lib/systemd/systemd";

/** Paths in the new root, and what stands there; scripts can be run. */
export type Files = Readonly<Record<string, string>>;

export type OwnRoot = NativeServer & {
  /** Runs a program in there, as root, and returns its output. */
  inside(program: string, ...args: string[]): Promise<string>;
};

interface Options {
  readonly files: Files;
  /** What is run in there, as root. */
  readonly command: readonly string[];
  readonly ready: RegExp;
}

/** Why no process can get a root of its own here; undefined if it can. */
export async function ownRootMissing(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return "only root can give a process a root of its own";
  for (const tool of ["unshare", "nsenter", "setpriv", "pivot_root"])
    if (!(await onPath(tool))) return `no ${tool} on PATH (Debian: util-linux)`;
  const trial =
    "mount -t tmpfs none /mnt && cd /mnt && mkdir a b c && mount -t overlay none -o lowerdir=/,upperdir=a,workdir=b c";
  return run({ program: "unshare", args: ["--mount", "--pid", "--fork", "sh", "-c", trial] }).then(
    () => undefined,
    (error: Error) => `no namespaces or overlays here: ${error.message.split("\n")[0]}`,
  );
}

/** Why no systemd can be booted here; undefined if one can. */
export async function systemdMissing(): Promise<string | undefined> {
  for (const tool of ["systemd-analyze", "systemctl"])
    if (!(await onPath(tool))) return `no ${tool} on PATH (Debian: systemd)`;
  if (!existsSync(SYSTEMD)) return `no ${SYSTEMD} (Debian: systemd)`;
  return ownRootMissing();
}

/** One process in a root of its own; it is process 1 there. */
export function startInOwnRoot(options: Options): Promise<OwnRoot> {
  return start(options, (folder, project, node) => ({
    program: "unshare",
    args: [
      ...["--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"],
      ...[join(import.meta.dirname, "own-root.sh"), folder, project, node, ...options.command],
    ],
  }));
}

/** A systemd with the units in `/units`; ready when it has started multi-user.target, or a unit said what is awaited. */
export function bootSystemd(options: Omit<Options, "command">): Promise<OwnRoot> {
  return start(options, (folder, project, node) => ({
    program: "unshare",
    args: [
      ...["--mount", "--propagation", "private"],
      ...[join(import.meta.dirname, "own-systemd.sh"), folder, project, node],
    ],
  }));
}

async function start(
  { files, ready }: Pick<Options, "files" | "ready">,
  commandIn: (folder: string, project: string, node: string) => Command,
): Promise<OwnRoot> {
  const folder = await temporaryFolder("own-root");
  // Others than root are to find their way in.
  await chmod(folder.path, 0o755);
  for (const [path, text] of Object.entries(files)) {
    const file = join(folder.path, "files", path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text, { mode: text.startsWith("#!") ? 0o755 : 0o644 });
  }
  const node = dirname(await realpath(process.execPath));
  const server = new NativeServer({
    command: commandIn(folder.path, PROJECT, node),
    ready,
    readyWithinMs: READY_WITHIN_MS,
    graceMs: GRACE_MS,
    folder,
  });
  await server.start();
  return Object.assign(server, {
    /** Not killed: the systemd of its own and its control group go with the script's own end. */
    async close(): Promise<void> {
      await server.stop();
      await folder.remove();
    },
    [Symbol.asyncDispose](): Promise<void> {
      return this.close();
    },
    async inside(program: string, ...args: string[]): Promise<string> {
      const pid = (await readFile(join(folder.path, "pid"), "utf8")).trim();
      const spaces = ["--target", pid, "--mount", "--pid", "--cgroup", `--root=/proc/${pid}/root`, "--wd=/"];
      return run({ program: "nsenter", args: [...spaces, program, ...args] });
    },
  });
}
