/**
 * The keeper: a small process that outlives this one and takes away what it left behind.
 *
 * A test worker may be killed at any moment, and then no hook of its own runs. The keeper holds the other end of a
 * pipe; when that closes, whatever is still listed (processes, containers, mounts, folders) is ended and removed.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import type { Socket } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export type Kind = "process" | "container" | "network" | "mount" | "folder";

let keeper: ChildProcess | undefined;

/** Lists a thing with the keeper; the function it returns strikes it off again. */
export function keep(kind: Kind, name: string | number): () => void {
  tell(`+ ${kind} ${name}`);
  return () => tell(`- ${kind} ${name}`);
}

function tell(line: string): void {
  keeper ??= hire();
  keeper.stdin?.write(`${line}\n`);
}

function hire(): ChildProcess {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url)], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  child.unref();
  (child.stdin as Socket).unref();
  return child;
}

/** The keeper's own life: listen until the pipe closes, then clear away. */
async function keepUntilClosed(): Promise<void> {
  const left = new Set<string>();
  for await (const line of createInterface({ input: process.stdin })) {
    const thing = line.slice(2);
    if (line.startsWith("+")) left.add(thing);
    else left.delete(thing);
  }
  const named = (kind: Kind): string[] =>
    [...left].filter((thing) => thing.startsWith(`${kind} `)).map((thing) => thing.slice(kind.length + 1));
  for (const pid of named("process")) kill(Number(pid));
  const containers = named("container");
  const networks = named("network");
  if (containers.length + networks.length > 0) await removeFromDocker(containers, networks);
  for (const path of named("mount")) unmount(path);
  for (const folder of named("folder")) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** Lazily, so that who is still there does not keep it; and its folder. */
function unmount(path: string): void {
  const command = ["umount", "-l", path];
  const asRoot = process.getuid?.() === 0 ? command : ["sudo", "-n", ...command];
  spawnSync(asRoot[0]!, asRoot.slice(1));
  rmSync(path, { recursive: true, force: true });
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}

async function removeFromDocker(containers: string[], networks: string[]): Promise<void> {
  const { getContainerRuntimeClient } = await import("testcontainers");
  const { container, network } = await getContainerRuntimeClient();
  await Promise.allSettled(containers.map((id) => container.getById(id).remove({ force: true, v: true })));
  await Promise.allSettled(networks.map((id) => network.getById(id).remove()));
}

if (import.meta.main) await keepUntilClosed();
