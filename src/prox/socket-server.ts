/**
 * The socket that prox asks over; prox dials as many connections as it needs, and keeps sixteen.
 *
 *   listening ──close()──▶ draining ──every connection has ended, or drainMs──▶ closed
 */
import { chmodSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { SluiceError, textOf } from "../errors.ts";
import { Connection, type HookParts } from "./connection.ts";
import { removeStaleSocket } from "./socket-path.ts";

/**
 * Connections that may wait while the plugin is busy, as when it loads what decides: one more gets EAGAIN, for which prox
 * answers 500. The system allows no more than net.core.somaxconn.
 */
const backlog = 65_535;

export class HookServer {
  readonly #server: Server;
  readonly #parts: HookParts;
  readonly #connections = new Set<Connection>();

  constructor(parts: HookParts) {
    this.#parts = parts;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      const connection = new Connection(socket, parts);
      this.#connections.add(connection);
      void connection.closed.then(() => this.#connections.delete(connection));
    });
  }

  /**
   * @param path of the socket; one that a dead process has left there is removed
   * @throws SluiceError data_dir_unusable
   */
  async listen(path: string): Promise<void> {
    removeStaleSocket(path);
    const server = this.#server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", (thrown) => reject(unusable(path, thrown)));
      server.listen({ path, backlog }, resolve);
    });
    server.on("error", (thrown) => this.#parts.failed(textOf(thrown)));
    // Whoever may write to it may speak as prox.
    chmodSync(path, 0o600);
  }

  /** Reads nothing more, answers what has come whole, and removes the socket. Connections get `drainMs` to end. */
  async close(drainMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const connections = [...this.#connections];
    for (const connection of connections) connection.end();
    const cancel = this.#parts.clock.after(drainMs, () => this.cut());
    await closed;
    cancel();
  }

  /** Ends the drain at once. */
  cut(): void {
    for (const connection of [...this.#connections]) connection.cut();
  }
}

function unusable(path: string, cause: Error): SluiceError {
  const text = `the socket for prox cannot be made at ${path} (${cause.message})`;
  return new SluiceError("data_dir_unusable", text, { cause });
}
