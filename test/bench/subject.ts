/** The servers that are compared, each a process of its own on loopback. */
import { statfs } from "node:fs/promises";
import { join, resolve } from "node:path";
import { envNameOf } from "../../src/config/setting-rows.ts";
import { type Folder, temporaryFolder } from "../hosts/folder.ts";
import { Log } from "../hosts/log.ts";
import { freePort } from "../hosts/ports.ts";
import { run, Supervised } from "../hosts/process.ts";
import type { Step } from "./least/steps.ts";

export interface Subject {
  readonly port: number;
  /** 0 where it has none. */
  readonly adminPort: number;
  readonly pid: number;
  /** From the start of the process until it said that it answers. */
  readonly readyMs: number;
  /** `verify` has `sluice verify` judge the topics of one with a Kafka; throws where events are missing. */
  end(options?: { readonly verify?: boolean }): Promise<void>;
}

export interface SluiceOptions {
  /** A checkout of Sluice, with its node_modules. */
  readonly tree: string;
  readonly sync: string;
  /** Where it leaves a .cpuprofile when it ends. */
  readonly profileTo?: string | undefined;
  /** Beside those of the bench, or in their place. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A million rules are loaded by then. */
const readyWithinMs = 180_000;
const graceMs = 15_000;
const tmpfs = 0x01021994;

export function startFloor(): Promise<Subject> {
  return startBare("floor.ts");
}

/** The floor, and on top of it all steps up to this one. */
export async function startLeast(step: Step): Promise<Subject> {
  const folder = await temporaryFolder("bench-least");
  try {
    const server = await startBare("least/server.ts", step, folder.path);
    return { ...server, end: () => server.end().finally(() => folder.remove()) };
  } catch (thrown) {
    await folder.remove();
    throw thrown;
  }
}

/** @param program of this folder; says `… answers on <port>` */
async function startBare(program: string, ...args: readonly string[]): Promise<Subject> {
  const log = new Log();
  const beganMs = performance.now();
  const server = new Supervised(
    { program: process.execPath, args: [join(import.meta.dirname, program), ...args] },
    log,
  );
  const line = await log.saw(/^\w+ answers on/, { timeoutMs: readyWithinMs, unless: server.exited });
  const readyMs = performance.now() - beganMs;
  const port = Number(line.split(" ").at(-1));
  return { port, adminPort: 0, pid: server.pid, readyMs, end: () => server.end("SIGTERM", graceMs) };
}

/** Without further settings embedded: no Redis, no Kafka, no rule; every op is decided by the default and journaled. */
export async function startSluice(options: SluiceOptions): Promise<Subject> {
  const folder = await temporaryFolder("bench");
  try {
    return await start(folder, options);
  } catch (thrown) {
    await folder.remove();
    throw thrown;
  }
}

async function start(
  folder: Folder,
  { tree, sync, profileTo, settings: more }: SluiceOptions,
): Promise<Subject> {
  const { path } = folder;
  const [port, adminPort] = [await freePort(), await freePort()];
  const dataDir = join(path, "data");
  const settings = {
    "http.port": port,
    "admin.port": adminPort,
    "data.dir": dataDir,
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
  const main = join(resolve(tree), "src", "main.ts");
  const log = new Log();
  const beganMs = performance.now();
  const server = new Supervised(
    { program: process.execPath, args: [...profiling, main, "serve"], cwd: path, env },
    log,
  );
  await log.saw(/sluice \S+ answers/, { timeoutMs: readyWithinMs, unless: server.exited });
  const readyMs = performance.now() - beganMs;
  return {
    port,
    adminPort,
    pid: server.pid,
    readyMs,
    async end({ verify = false } = {}) {
      await server.end("SIGTERM", graceMs);
      try {
        if (verify && more?.["kafka.brokers"])
          await run({ program: process.execPath, args: [main, "verify"], cwd: path, env });
      } finally {
        await folder.remove();
      }
    },
  };
}

/** Whether a folder lies in memory, where a sync costs nothing. */
export async function isInMemory(folder: string): Promise<boolean> {
  return (await statfs(folder)).type === tmpfs;
}
