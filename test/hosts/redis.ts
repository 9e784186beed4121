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
  /** A free one without it. */
  port?: number;
  /** Added to redis-server's. */
  args?: string[];
  /** What stands in its aclfile. */
  acl?: string;
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

export async function startRedis(options: RedisOptions = {}): Promise<RedisHost> {
  const { args = [], acl, tls, port = await freePort() } = options;
  const all = [...FORGETFUL, ...args];
  const make = (await wayOf("redis")) === "docker" ? contained : native;
  const server = await make(port, all, { acl, tls });
  await server.start();
  return Object.assign(server, { url: `redis://127.0.0.1:${port}`, port });
}

interface Files {
  acl: string | undefined;
  tls: RedisTls | undefined;
}

/** What it reads at its start, in this folder, and the arguments that name it. */
function filesIn(folder: string, { acl, tls }: Files, tlsPort: number | undefined) {
  const files = tls ? [...tlsFiles(folder, tls)] : [];
  const args = tls && tlsPort !== undefined ? tlsArgs(folder, tlsPort) : [];
  if (acl !== undefined) {
    const target = `${folder}/users.acl`;
    files.push({ target, content: acl });
    args.push("--aclfile", target);
  }
  return { files, args };
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

async function native(port: number, args: string[], given: Files): Promise<Server> {
  const { program, env } = await redisProgram();
  const folder = await temporaryFolder("redis");
  const read = filesIn(folder.path, given, given.tls?.port);
  for (const { target, content } of read.files) await writeFile(target, content);
  const place = ["--bind", "127.0.0.1", "--port", String(port), "--dir", folder.path];
  return new NativeServer({
    command: { program, args: [...place, ...read.args, ...args], cwd: folder.path, env },
    ready: READY,
    readyWithinMs: READY_WITHIN_MS,
    graceMs: 5_000,
    folder,
  });
}

async function contained(port: number, args: string[], given: Files): Promise<Server> {
  const { tls } = given;
  const read = filesIn("/tmp", given, 6380);
  return new DockerServer({
    image: await imageFor("redis"),
    command: ["redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", ...read.args, ...args],
    publish: [{ inside: 6379, port }, ...(tls ? [{ inside: 6380, port: tls.port }] : [])],
    files: read.files,
    ready: READY,
    readyWithinMs: READY_WITHIN_MS,
  });
}
