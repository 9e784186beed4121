/** The servers that are compared, each a process of its own on loopback. */
import { statfs } from "node:fs/promises";
import { join, resolve } from "node:path";
import { envNameOf } from "../../src/config/setting-rows.ts";
import { type Folder, temporaryFolder } from "../hosts/folder.ts";
import { Log } from "../hosts/log.ts";
import { freePort } from "../hosts/ports.ts";
import { Supervised } from "../hosts/process.ts";

export interface Subject {
  readonly port: number;
  /** 0 where it has none. */
  readonly adminPort: number;
  readonly pid: number;
  end(): Promise<void>;
}

export interface SluiceOptions {
  /** A checkout of Sluice, with its node_modules. */
  readonly tree: string;
  readonly sync: string;
  /** Where it leaves a .cpuprofile when it ends. */
  readonly profileTo: string | undefined;
  /** Beside those of the bench, or in their place. */
  readonly settings?: Readonly<Record<string, string>>;
}

const readyWithinMs = 20_000;
const graceMs = 10_000;
const tmpfs = 0x01021994;

export async function startFloor(): Promise<Subject> {
  const log = new Log();
  const server = new Supervised(
    { program: process.execPath, args: [join(import.meta.dirname, "floor.ts")] },
    log,
  );
  const line = await log.saw(/^floor answers/, { timeoutMs: readyWithinMs, unless: server.exited });
  const port = Number(line.split(" ").at(-1));
  return { port, adminPort: 0, pid: server.pid, end: () => server.end("SIGTERM", graceMs) };
}

/** Embedded: no Redis, no Kafka, no rule; every op is decided by the default and journaled. */
export async function startSluice({
  tree,
  sync,
  profileTo,
  settings: more,
}: SluiceOptions): Promise<Subject> {
  const folder = await temporaryFolder("bench");
  try {
    return await start(folder);
  } catch (thrown) {
    await folder.remove();
    throw thrown;
  }

  async function start({ path }: Folder): Promise<Subject> {
    const [port, adminPort] = [await freePort(), await freePort()];
    const settings = {
      "http.port": port,
      "admin.port": adminPort,
      "data.dir": join(path, "data"),
      "journal.sync": sync,
      // The oldest goes when this is full: a long run fills no disk.
      "journal.maxBytes": "256MiB",
      "log.level": "warn",
      ...more,
    };
    const env = Object.fromEntries(
      Object.entries(settings).map(([key, value]) => [envNameOf(key), String(value)]),
    );
    const profiling = profileTo === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${resolve(profileTo)}`];
    const args = [...profiling, join(resolve(tree), "src", "main.ts"), "serve"];
    const log = new Log();
    const server = new Supervised({ program: process.execPath, args, cwd: path, env }, log);
    const end = async (): Promise<void> => {
      await server.end("SIGTERM", graceMs);
      await folder.remove();
    };
    await log.saw(/sluice \S+ answers/, { timeoutMs: readyWithinMs, unless: server.exited });
    return { port, adminPort, pid: server.pid, end };
  }
}

/** Whether a folder lies in memory, where a sync costs nothing. */
export async function isInMemory(folder: string): Promise<boolean> {
  return (await statfs(folder)).type === tmpfs;
}
