import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { envNameOf } from "../../src/config/setting-rows.ts";
import { temporaryFolder } from "./folder.ts";
import { freePort } from "./ports.ts";
import { NativeServer } from "./server.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
/** Spares a start, of which a run has hundreds, a tenth of its work: a young heap large enough for all that it loads. */
export const startArgs = ["--min-semi-space-size=16"];
/** Halves the work of a start. */
export const compileCache = join(tmpdir(), "sluice-compile-cache");
const READY_WITHIN_MS = 30_000;
const GRACE_MS = 20_000;

/** Settings by key: `{ "kafka.brokers": "127.0.0.1:9092" }`. */
export type BridgeSettings = Readonly<Record<string, string | number | boolean>>;

/** Sluice as a process of its own, on ports that stay the same over a restart. */
export type BridgeHost = NativeServer & {
  /** Where frps posts: host:port. */
  readonly addr: string;
  readonly url: string;
  readonly adminUrl: string;
  readonly dataDir: string;
  /** Its working directory. */
  readonly folder: string;
};

export interface BridgeOptions {
  /** Given to node before the program, such as `--import` of what is to be broken in it. */
  readonly nodeArgs?: readonly string[];
  /** Added to its environment. */
  readonly env?: Readonly<Record<string, string>>;
}

export async function startBridge(
  settings: BridgeSettings = {},
  options: BridgeOptions = {},
): Promise<BridgeHost> {
  const folder = await temporaryFolder("bridge");
  const [port, adminPort] = [await freePort(), await freePort()];
  const dataDir = String(settings["data.dir"] ?? join(folder.path, "data"));
  const ports = { "http.port": port, "admin.port": adminPort };
  const all: BridgeSettings = { ...ports, ...settings, "data.dir": dataDir };
  const named = Object.entries(all).map(([key, value]) => [envNameOf(key), String(value)]);
  const env = { NODE_COMPILE_CACHE: compileCache, ...options.env, ...Object.fromEntries(named) };
  const args = [...startArgs, ...(options.nodeArgs ?? []), main, "serve"];
  const server = new NativeServer({
    command: { program: process.execPath, args, cwd: folder.path, env },
    ready: /sluice \S+ answers/,
    readyWithinMs: READY_WITHIN_MS,
    graceMs: GRACE_MS,
    folder,
  });
  await server.start();
  return Object.assign(server, {
    addr: `127.0.0.1:${port}`,
    url: `http://127.0.0.1:${port}/handler`,
    adminUrl: `http://127.0.0.1:${adminPort}`,
    dataDir,
    folder: folder.path,
  });
}
