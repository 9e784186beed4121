/**
 * The plugin port's listener.
 *
 *   listening ──stop()──▶ draining ──no connection left, or drainMs──▶ closed
 *
 * frps keeps idle connections for 90 s, over TLS without limit, and Go does not send a POST again whose bytes were
 * written, so a connection is closed only after an answer that said so, or at the end of the drain. That goes for those
 * too that have brought nothing yet: Go opens one while all are busy, and keeps it when another is free sooner.
 */
import { createServer, type Server, type ServerOptions } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import { type AddressInfo, Server as NetServer, type Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { getRequestListener } from "@hono/node-server";
import type { Clock } from "../clock.ts";
import { listen } from "../listening.ts";
import type { Shown } from "../tls/server.ts";

const handshakeMs = 10_000;
/** Whoever went away without a word, from a connection that may else stay idle for ever. */
const keepAliveProbeMs = 60_000;
/** How often it is told that a caller does not get through TLS. */
const tellEveryMs = 60_000;
/** By what Node found wrong with the bytes of a call; 400 for all else that its parser says. */
const statuses: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
};

/** How long a call may take to come, from its first byte. */
export interface CallLimits {
  readonly headersMs: number;
  readonly requestMs: number;
  /** How often it is looked for late ones. */
  readonly lookEveryMs: number;
}

/** TLS on the plugin port. */
export interface PortTls {
  readonly shown: Shown;
  /** Why a caller did not get through; at most once a minute. */
  readonly onFailure: (problem: string, peer: string | undefined) => void;
}

const callLimits: CallLimits = { headersMs: 10_000, requestMs: 30_000, lookEveryMs: 30_000 };

/**
 * The adapter puts light Request and Response in the place of Node's, for the whole process; without them each
 * answer would pass through a web stream, at a quarter of the requests per second (test/bench).
 */
type Fetch = Parameters<typeof getRequestListener>[0];

export class PluginPort {
  /** Longer than the 90 s for which frps keeps an idle connection; 0, which is for ever, as frps does over TLS. */
  readonly keepAliveMs: number;
  readonly #server: Server | TlsServer;
  readonly #clock: Clock;
  readonly #sockets = new Set<Socket>();
  #connections = 0;
  #cut = false;

  /** @param tls without it the port speaks plain HTTP */
  constructor(fetch: Fetch, clock: Clock, tls: PortTls | null = null, limits: CallLimits = callLimits) {
    this.#clock = clock;
    this.keepAliveMs = tls === null ? 95_000 : 0;
    const options: ServerOptions = {
      keepAliveTimeout: this.keepAliveMs,
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      connectionsCheckingInterval: limits.lookEveryMs,
    };
    const answer = getRequestListener(fetch);
    this.#server = tls === null ? createServer(options, answer) : this.#secured(options, answer, tls);
    this.#server.on("connection", (socket: Socket) => {
      this.#connections += 1;
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    this.#server.on("clientError", (error, socket) => this.#failed(error, socket as Socket));
  }

  /** From the next connection on. @throws what OpenSSL says of a certificate that it cannot use */
  show(shown: Shown): void {
    (this.#server as TlsServer).setSecureContext({ ...shown });
  }

  /**
   * @returns the address listened on
   * @throws SluiceError port_in_use, config_invalid
   */
  listen(host: string, port: number): Promise<AddressInfo> {
    return listen(this.#server, "http", host, port);
  }

  #secured(options: ServerOptions, answer: ReturnType<typeof getRequestListener>, tls: PortTls): TlsServer {
    const probing = { keepAlive: true, keepAliveInitialDelay: keepAliveProbeMs };
    const secured = { ...options, ...probing, ...tls.shown, handshakeTimeout: handshakeMs };
    let tellFromMs = Number.NEGATIVE_INFINITY;
    return createTlsServer(secured, answer).on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
      // Whoever only looks whether the port is open ends it so.
      if (error.code === "ECONNRESET" || this.#clock.monotonic() < tellFromMs) return;
      tellFromMs = this.#clock.monotonic() + tellEveryMs;
      tls.onFailure(problemOf(error), socket.remoteAddress);
    });
  }

  /** No new connections; those that are open get `drainMs` to end after their next answer. */
  async stop(drainMs: number): Promise<void> {
    const ended = new Promise<void>((resolve) => this.#server.once("close", () => resolve()));
    await this.#takeWaiting(drainMs);
    // http.Server's own close() would cut idle connections at once, in which a call may just be on its way.
    NetServer.prototype.close.call(this.#server);
    const cancel = this.#clock.after(this.#cut ? 0 : drainMs, () => this.#closeAll());
    await ended;
    cancel();
  }

  /** Cuts whatever is open: the second signal. */
  cut(): void {
    this.#cut = true;
    this.#closeAll();
  }

  /** Those in a TLS handshake too, of which http.Server's closeAllConnections() does not know yet. */
  #closeAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #failed({ code = "" }: NodeJS.ErrnoException, socket: Socket): void {
    if (code === "ERR_HTTP_REQUEST_TIMEOUT" && socket.bytesRead === 0) {
      // Nothing has begun that could be late; Node looks again at what comes.
      socket.setTimeout(this.keepAliveMs);
      return;
    }
    const status = statuses[code] ?? (code.startsWith("HPE_") ? "400 Bad Request" : null);
    if (status !== null && socket.writable) {
      socket.write(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
      socket.destroySoon();
    } else socket.destroy();
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

function problemOf({ code = "", message }: NodeJS.ErrnoException): string {
  if (code === "ERR_SSL_HTTP_REQUEST") return "it speaks plain HTTP: frps's addr must begin with https://";
  if (/ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_(UNKNOWN|EXPIRED))/.test(code)) {
    return `it does not trust the certificate of http.tls.cert (${code}); see tlsVerify in frps`;
  }
  return code === "" ? message : code;
}
