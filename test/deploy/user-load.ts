/**
 * Users of a tcp proxy who come one after the other in several rows, each served once; beside them clients log in,
 * one after the other.
 */
import { EventEmitter, once } from "node:events";
import { startFrpc } from "../hosts/frp.ts";
import { tcpUser } from "../hosts/frp-user.ts";
import { closeWithFile } from "../hosts/open.ts";

export interface UserConnection {
  readonly port: number;
  readonly served: boolean;
  /** By performance.now(). */
  readonly beganMs: number;
}

export interface UserLoadOptions {
  /** Of the proxy. */
  readonly port: number;
  /** How many users there are at any time. */
  readonly rows: number;
  readonly frps: { bindPort: number; token: string };
}

export class UserLoad implements AsyncDisposable {
  readonly connections: UserConnection[] = [];
  /** Of clients. */
  logins = 0;
  readonly #came = new EventEmitter<{ served: []; unserved: [] }>().setMaxListeners(0);
  readonly #running: Promise<unknown>;
  #stopped = false;

  constructor({ port, rows, frps }: UserLoadOptions) {
    const users = Array.from({ length: rows }, () => this.#comeAndGo(port));
    this.#running = Promise.all([...users, this.#logIn(frps)]);
    closeWithFile(this);
  }

  get unserved(): UserConnection[] {
    return this.connections.filter(({ served }) => !served);
  }

  /** Resolves when this many more were served. */
  async more(count: number): Promise<void> {
    for (let left = count; left > 0; left--) await once(this.#came, "served");
  }

  /** Resolves when the next one was not served. */
  async refused(): Promise<void> {
    await once(this.#came, "unserved");
  }

  /** Resolves when all have gone. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #comeAndGo(port: number): Promise<void> {
    while (!this.#stopped) {
      const beganMs = performance.now();
      const user = await tcpUser(port);
      const served = await user.served;
      await user.close();
      this.connections.push({ port: user.port, served, beganMs });
      this.#came.emit(served ? "served" : "unserved");
    }
  }

  async #logIn(frps: UserLoadOptions["frps"]): Promise<void> {
    while (!this.#stopped) {
      const frpc = await startFrpc({ frps, user: "bob" });
      this.logins += 1;
      await frpc.close();
    }
  }
}
