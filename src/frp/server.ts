/**
 * The plugin port's listener.
 *
 *   listening ──stop()──▶ draining ──no connection left, or drainMs──▶ closed
 *
 * frps keeps idle connections for 90 s and Go does not send a POST again whose bytes were written, so a
 * connection is closed only after an answer that said so, or at the end of the drain.
 */
import { createServer, type Server } from "node:http";
import { type AddressInfo, Server as NetServer } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { getRequestListener } from "@hono/node-server";
import type { Clock } from "../clock.ts";
import { SluiceError } from "../errors.ts";

const headersMs = 10_000;
const requestMs = 30_000;

/**
 * The adapter puts light Request and Response in the place of Node's, for the whole process; without them each
 * answer would pass through a web stream, at a quarter of the requests per second (test/bench).
 */
type Fetch = Parameters<typeof getRequestListener>[0];

export class PluginPort {
  /** Longer than the 90 s for which frps keeps an idle connection. */
  readonly keepAliveMs = 95_000;
  readonly #server: Server;
  readonly #clock: Clock;
  #connections = 0;
  #cut = false;

  constructor(fetch: Fetch, clock: Clock) {
    this.#server = createServer(
      { keepAliveTimeout: this.keepAliveMs, headersTimeout: headersMs, requestTimeout: requestMs },
      getRequestListener(fetch),
    );
    this.#clock = clock;
    this.#server.on("connection", () => {
      this.#connections += 1;
    });
  }

  /**
   * @returns the address listened on
   * @throws SluiceError port_in_use
   */
  listen(host: string, port: number): Promise<AddressInfo> {
    const server = this.#server;
    return new Promise((resolve, reject) => {
      server.once("error", (thrown: NodeJS.ErrnoException) => reject(listenError(thrown, host, port)));
      server.listen(port, host, () => resolve(server.address() as AddressInfo));
    });
  }

  /** No new connections; those that are open get `drainMs` to end after their next answer. */
  async stop(drainMs: number): Promise<void> {
    const ended = new Promise<void>((resolve) => this.#server.once("close", () => resolve()));
    await this.#takeWaiting(drainMs);
    // http.Server's own close() would cut idle connections at once, in which a call may just be on its way.
    NetServer.prototype.close.call(this.#server);
    const cancel = this.#clock.after(this.#cut ? 0 : drainMs, () => this.#server.closeAllConnections());
    await ended;
    cancel();
  }

  /** Cuts whatever is open: the second signal. */
  cut(): void {
    this.#cut = true;
    this.#server.closeAllConnections();
  }

  /**
   * The system has taken connections, and calls on them, that this process has not looked at, and resets them with
   * the listener. libuv takes one in each turn of the event loop, so a turn that brings none was behind the last.
   */
  async #takeWaiting(atMostMs: number): Promise<void> {
    const untilMs = this.#clock.monotonic() + atMostMs;
    for (let seen = -1; seen !== this.#connections && !this.#cut; ) {
      if (this.#clock.monotonic() > untilMs) return;
      seen = this.#connections;
      await turn();
    }
  }
}

function listenError(thrown: NodeJS.ErrnoException, host: string, port: number): Error {
  if (thrown.code === "EADDRINUSE") {
    const message = `http.port ${port} on ${host} is taken by another process; choose another with SLUICE_HTTP_PORT`;
    return new SluiceError("port_in_use", message, { cause: thrown });
  }
  return new SluiceError(
    "config_invalid",
    `http.host ${host}, port ${port}: cannot listen (${thrown.message})`,
    { cause: thrown },
  );
}
