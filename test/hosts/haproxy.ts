/** HAProxy with the configuration of deploy/haproxy, which it checks first. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "./folder.ts";
import { haproxyProgram } from "./haproxy-program.ts";
import { freePort } from "./ports.ts";
import { run } from "./process.ts";
import { NativeServer } from "./server.ts";

export const haproxyConfig = join(import.meta.dirname, "../../deploy/haproxy/haproxy.cfg");

/** Of a bridge that it stands before. */
export interface Balanced {
  /** host:port of its plugin port. */
  readonly addr: string;
  readonly adminUrl: string;
}

export type HaproxyHost = NativeServer & {
  /** Where frps posts: host:port. */
  readonly addr: string;
};

/** Resolves when it listens; whether the bridges answer it finds out by then or later. */
export async function startHaproxy(first: Balanced, second: Balanced): Promise<HaproxyHost> {
  const { program, env } = await haproxyProgram();
  const place = await temporaryFolder("haproxy");
  const port = await freePort();
  const file = join(place.path, "haproxy.cfg");
  const shipped = await readFile(haproxyConfig, "utf8");
  await writeFile(file, placed(shipped, port, { "192.0.2.11": first, "192.0.2.12": second }));
  await run({ program, args: ["-c", "-f", file], env });
  const server = new NativeServer({
    command: { program, args: ["-W", "-db", "-f", file], cwd: place.path, env },
    ready: /New worker.* forked/,
    readyWithinMs: 20_000,
    graceMs: 5_000,
    folder: place,
  });
  await server.start();
  return Object.assign(server, { addr: `127.0.0.1:${port}` });
}

function placed(text: string, port: number, bridges: Readonly<Record<string, Balanced>>): string {
  let all = exchanged(text, "bind 127.0.0.1:9000", `bind 127.0.0.1:${port}`);
  for (const [address, { addr, adminUrl }] of Object.entries(bridges)) {
    const from = `${address}:9000`;
    all = exchanged(all, `${from} port 9001`, `${addr} port ${new URL(adminUrl).port}`);
    all = exchanged(all, from, addr);
  }
  return all;
}

function exchanged(text: string, from: string, to: string): string {
  if (!text.includes(from)) throw new Error(`haproxy.cfg has no ${from}`);
  return text.replaceAll(from, to);
}
