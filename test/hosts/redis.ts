import { writeFile } from "node:fs/promises";
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

export interface RedisOptions {
  /** Added to redis-server's. */
  args?: string[];
  /** A further port that speaks TLS: rediss://localhost:<tls.port>. */
  tls?: RedisTls;
}

export interface RedisTls {
  port: number;
  /** PEM: of those who may come, where it wants certificates (`--tls-auth-clients yes`), and its own. */
  ca: string;
  cert: string;
  key: string;
}

export async function startRedis({ args = [], tls }: RedisOptions = {}): Promise<RedisHost> {
  const port = await freePort();
  const all = [...FORGETFUL, ...args];
  const make = (await wayOf("redis")) === "docker" ? contained : native;
  const server = await make(port, all, tls);
  await server.start();
  return Object.assign(server, { url: `redis://127.0.0.1:${port}`, port });
}

function* tlsFiles(folder: string, tls: RedisTls) {
  for (const name of ["ca", "cert", "key"] as const)
    yield { target: `${folder}/tls-${name}.pem`, content: tls[name] };
}

function tlsArgs(folder: string, port: number): string[] {
  const file = (name: string): string => `${folder}/tls-${name}.pem`;
  const files = [
    "--tls-ca-cert-file",
    file("ca"),
    "--tls-cert-file",
    file("cert"),
    "--tls-key-file",
    file("key"),
  ];
  return ["--tls-port", String(port), ...files];
}

async function native(port: number, args: string[], tls: RedisTls | undefined): Promise<Server> {
  const { program, env } = await redisProgram();
  const folder = await temporaryFolder("redis");
  if (tls) {
    for (const { target, content } of tlsFiles(folder.path, tls)) await writeFile(target, content);
    args.unshift(...tlsArgs(folder.path, tls.port));
  }
  const place = ["--bind", "127.0.0.1", "--port", String(port), "--dir", folder.path];
  return new NativeServer({
    command: { program, args: [...place, ...args], cwd: folder.path, env },
    ready: READY,
    readyWithinMs: READY_WITHIN_MS,
    graceMs: 5_000,
    folder,
  });
}

async function contained(port: number, args: string[], tls: RedisTls | undefined): Promise<Server> {
  if (tls) args.unshift(...tlsArgs("/tmp", 6380));
  return new DockerServer({
    image: await imageFor("redis"),
    command: ["redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", ...args],
    publish: [{ inside: 6379, port }, ...(tls ? [{ inside: 6380, port: tls.port }] : [])],
    files: tls ? [...tlsFiles("/tmp", tls)] : [],
    ready: READY,
    readyWithinMs: READY_WITHIN_MS,
  });
}
