import { DockerServer } from "./docker.ts";
import { temporaryFolder } from "./folder.ts";
import { imageFor } from "./images.ts";
import { freePort } from "./ports.ts";
import { wayOf } from "./provider.ts";
import { redisProgram } from "./redis-program.ts";
import { NativeServer, type Server } from "./server.ts";

const READY = /Ready to accept connections/;
const READY_WITHIN_MS = 30_000;
const FORGETFUL = ["--save", "", "--appendonly", "no"];

/** A Redis of one test's own. It forgets its keys when stopped, unless its args say `--appendonly yes`. */
export type RedisHost = Server & { url: string; port: number };

/** Starts a Redis, with `args` added to redis-server's. */
export async function startRedis(options: { args?: string[] } = {}): Promise<RedisHost> {
  const port = await freePort();
  const args = [...FORGETFUL, ...(options.args ?? [])];
  const server = (await wayOf("redis")) === "docker" ? await contained(port, args) : await native(port, args);
  await server.start();
  return Object.assign(server, { url: `redis://127.0.0.1:${port}`, port });
}

async function native(port: number, args: string[]): Promise<Server> {
  const { program, env } = await redisProgram();
  const folder = await temporaryFolder("redis");
  const place = ["--bind", "127.0.0.1", "--port", String(port), "--dir", folder.path];
  return new NativeServer({
    command: { program, args: [...place, ...args], cwd: folder.path, env },
    ready: READY,
    readyWithinMs: READY_WITHIN_MS,
    graceMs: 5_000,
    folder,
  });
}

async function contained(port: number, args: string[]): Promise<Server> {
  return new DockerServer({
    image: await imageFor("redis"),
    command: ["redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", ...args],
    publish: { inside: 6379, port },
    ready: READY,
    readyWithinMs: READY_WITHIN_MS,
  });
}
