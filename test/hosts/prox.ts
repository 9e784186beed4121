/**
 * A real prox, from the program that SLUICE_PROX_BIN names; nothing here fetches or builds one. It behaves as the
 * protocol page says, so what is said of `Prox` holds; its plugins restart after one second and more.
 */
import { once } from "node:events";
import { renameSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Folder, temporaryFolder } from "./folder.ts";
import { Log } from "./log.ts";
import { closeWithFile } from "./open.ts";
import { freePort } from "./ports.ts";
import { run, Supervised } from "./process.ts";
import {
  DEFAULT_STOP_WITHIN_MS,
  type Prox,
  type ProxConfig,
  type ProxOptions,
  READY_TAKEN,
  sawTimes,
} from "./prox-config.ts";

const READY_WITHIN_MS = 20_000;
const RETRY_AFTER_MS = 20;

/** Where a real prox lies, if the environment names one. */
export const proxProgram: string | undefined = process.env.SLUICE_PROX_BIN;

export async function startProx(options: ProxOptions): Promise<Prox> {
  if (!proxProgram) throw new Error("no prox for tests: SLUICE_PROX_BIN names none");
  const folder = await temporaryFolder("prox");
  const services = Object.keys(options.config.services);
  const ports = new Map<string, number>();
  for (const name of services) ports.set(name, await freePort());
  if (Object.values(options.config.services).some(({ tls }) => tls)) await makeCertificate(folder.path);
  const prox = new RealProx(folder, ports, options, proxProgram);
  closeWithFile(prox);
  await prox.started();
  return prox;
}

class RealProx implements Prox {
  readonly log = new Log();
  readonly folder: string;
  readonly #kept: Folder;
  readonly #ports: ReadonlyMap<string, number>;
  readonly #process: Supervised;

  constructor(folder: Folder, ports: ReadonlyMap<string, number>, options: ProxOptions, program: string) {
    this.#kept = folder;
    this.folder = folder.path;
    this.#ports = ports;
    this.#write(options.config);
    const level = options.logLevel ?? "debug";
    const args = ["serve", "-config", this.#configFile, "-watch=false", "-log-level", level];
    const env = options.env ?? {};
    this.#process = new Supervised({ program, args, cwd: folder.path, env }, this.log);
  }

  get #configFile(): string {
    return join(this.folder, "prox.json5");
  }

  /** JSON is JSON5. */
  #write(config: ProxConfig): void {
    const services = Object.entries(config.services).map(([name, service]) => {
      const keys = service.tls ? { tls_cert: "cert.pem", tls_key: "key.pem" } : {};
      return [name, { listen: `127.0.0.1:${this.port(name)}`, ...keys, ...service }];
    });
    const text = JSON.stringify({ ...config, services: Object.fromEntries(services) }, null, 2);
    writeFileSync(`${this.#configFile}.new`, text);
    renameSync(`${this.#configFile}.new`, this.#configFile);
  }

  async started(): Promise<void> {
    const ended = this.#process.exited.then(() =>
      Promise.reject(new Error(`prox ended:\n${this.log.tail()}`)),
    );
    const late = sleep(READY_WITHIN_MS, undefined, { ref: false }).then(() =>
      Promise.reject(new Error("prox is late")),
    );
    const given = new AbortController();
    const all = Promise.all([...this.#ports.values()].map((port) => listening(port, given.signal)));
    await Promise.race([all, ended, late]).finally(() => given.abort());
  }

  port(service: string): number {
    const port = this.#ports.get(service);
    if (port === undefined) throw new Error(`no service ${service} was there at the start`);
    return port;
  }

  readied(count = 1): Promise<void> {
    return sawTimes(this.log, READY_TAKEN, count);
  }

  async reload(config: ProxConfig): Promise<void> {
    this.#write(config);
    const from = this.log.lines.length;
    this.#process.signal("SIGHUP");
    const line = await this.log.saw(/reload (complete|failed)/, { from, unless: this.#process.exited });
    if (/failed/.test(line)) throw new Error(line);
  }

  async stop(withinMs = DEFAULT_STOP_WITHIN_MS): Promise<void> {
    let killed = false;
    const timer = setTimeout(() => {
      killed = true;
      this.#process.signal("SIGKILL");
    }, withinMs);
    this.#process.signal("SIGTERM");
    await this.#process.exited;
    clearTimeout(timer);
    if (killed) throw new Error(`prox did not end within ${withinMs} ms`);
  }

  async kill(): Promise<void> {
    this.#process.signal("SIGKILL");
    await this.#process.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.#kept.remove();
  }
}

/** At level "warn" it doesn't print that it listens. */
async function listening(port: number, given: AbortSignal): Promise<void> {
  while (!given.aborted) {
    const socket = connect(port, "127.0.0.1");
    const open = await Promise.race([
      once(socket, "connect").then(() => true),
      once(socket, "close").then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (open) return;
    await sleep(RETRY_AFTER_MS);
  }
}

/** prox wants one for a service with TLS, also if it never ends a TLS connection itself. */
async function makeCertificate(folder: string): Promise<void> {
  const args = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=l4.test"];
  await run({ program: "openssl", args: [...args, "-keyout", "key.pem", "-out", "cert.pem"], cwd: folder });
}
