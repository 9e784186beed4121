/** Where prox's services listen: a server for each, on ports of 127.0.0.1 that the system chose. */
import { createServer as createWeb } from "node:http";
import { createServer as createTcp, type Server, type Socket } from "node:net";
import { PoolClosed } from "./prox-caller.ts";
import type { ProxAction, ProxConfig } from "./prox-config.ts";
import type { Hooks } from "./prox-hooks.ts";
import { serveWeb } from "./prox-http.ts";
import { servePass } from "./prox-pass.ts";
import type { Say } from "./prox-process.ts";
import type { Pushes } from "./prox-pushes.ts";
import type { Route } from "./prox-routes.ts";

export interface ServicesOptions {
  hooks: Hooks;
  pushes: Pushes;
  say: Say;
  /** What a real prox does not survive. */
  crash: (why: string) => void;
  /** Of all services, as configured now. */
  routes: () => readonly Route[];
  action: (name: string) => ProxAction;
  /** Whether prox counts what it sends: with a log of level info. */
  counts: boolean;
}

export class Services {
  readonly #options: ServicesOptions;
  readonly #servers = new Map<string, Server>();
  readonly #sockets = new Set<Socket>();

  constructor(options: ServicesOptions) {
    this.#options = options;
  }

  async listen(services: ProxConfig["services"]): Promise<void> {
    for (const [name, { tls }] of Object.entries(services)) {
      const server = tls ? this.#pass(name) : this.#web(name);
      server.on("connection", (socket) => {
        this.#sockets.add(socket);
        socket.once("close", () => this.#sockets.delete(socket));
      });
      await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
      this.#servers.set(name, server);
      this.#options.say("info", `starting server service=${name} addr=127.0.0.1:${this.port(name)}`);
    }
  }

  port(service: string): number {
    const address = this.#servers.get(service)?.address();
    if (typeof address !== "object" || !address) throw new Error(`no service ${service} listens`);
    return address.port;
  }

  close(): void {
    for (const server of this.#servers.values()) server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #of(service: string): () => readonly Route[] {
    return () => this.#options.routes().filter((route) => route.service === service);
  }

  #web(service: string): Server {
    const { say } = this.#options;
    const options = { ...this.#options, routes: this.#of(service) };
    return createWeb((request, response) => {
      serveWeb(options, request, response).catch((error) => say("error", `panic recovered ${error.stack}`));
    });
  }

  #pass(service: string): Server {
    const { hooks, say, crash } = this.#options;
    const connectFailed = (error: unknown): void => {
      if (error instanceof PoolClosed) crash("a connection met a closed pool");
    };
    const options = { hooks, say, routes: this.#of(service), connectFailed };
    return createTcp((socket) => {
      servePass(options, socket).catch((error) => say("error", `pass failed ${error.stack}`));
    });
  }
}
