/**
 * What both links are made of: a listener on loopback, and for each connection to it one to the port behind.
 *
 *   open ──cut()──▶ cut: every connection has ended with RST, and the port refuses ──heal()──▶ open
 *
 * Whatever ends one side ends the other in the same way: FIN for FIN, RST for RST. A connection that is frozen
 * passes nothing on, neither bytes nor its own end.
 */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { freePort } from "../../hosts/ports.ts";

/** What the bytes of a connection go through on their way. */
export interface Passage {
  /** From the client; returns what goes on. */
  up(chunk: Buffer): Buffer;
  /** From the server; returns what goes on. */
  down(chunk: Buffer): Buffer;
  /** Nothing will pass any more. */
  ended(): void;
}

type MakePassage = (connection: RelayedConnection) => Passage;

export class Relay implements AsyncDisposable {
  readonly port: number;
  readonly connections = new Set<RelayedConnection>();
  readonly #targetPort: number;
  readonly #passage: MakePassage;
  #server: Server | null = null;
  #closed = false;

  static async open(targetPort: number, passage: MakePassage, port?: number): Promise<Relay> {
    const relay = new Relay(targetPort, passage, port ?? (await freePort()));
    await relay.heal();
    return relay;
  }

  private constructor(targetPort: number, passage: MakePassage, port: number) {
    this.#targetPort = targetPort;
    this.#passage = passage;
    this.port = port;
  }

  async cut(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    const closed = server && once(server, "close");
    server?.close();
    for (const connection of [...this.connections]) connection.reset();
    await closed;
  }

  async heal(): Promise<void> {
    for (const connection of [...this.connections]) if (connection.frozen) connection.reset();
    if (this.#server || this.#closed) return;
    // Half open, so that the end of one side is told to the other only where it shall be.
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) =>
      this.#take(client),
    );
    this.#server = server;
    server.listen(this.port, "127.0.0.1");
    await once(server, "listening");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.cut();
  }

  #take(client: Socket): void {
    const connection = new RelayedConnection(client, this.#targetPort, () =>
      this.connections.delete(connection),
    );
    this.connections.add(connection);
    connection.begin(this.#passage(connection));
  }
}

export class RelayedConnection {
  frozen = false;
  readonly #client: Socket;
  readonly #targetPort: number;
  readonly #onEnd: () => void;
  #server: Socket | null = null;
  #passage: Passage | null = null;

  constructor(client: Socket, targetPort: number, onEnd: () => void) {
    this.#client = client;
    this.#targetPort = targetPort;
    this.#onEnd = onEnd;
  }

  begin(passage: Passage): void {
    this.#passage = passage;
    const client = this.#client.setNoDelay(true);
    // Without a listener an error would end the process; what it does is done at "close".
    client.on("error", () => {});
    if (this.frozen) return void client.once("close", () => this.#end());
    const server = connect({ port: this.#targetPort, host: "127.0.0.1", allowHalfOpen: true });
    this.#server = server.setNoDelay(true);
    server.on("error", () => {});
    this.#pass(client, server, (chunk) => passage.up(chunk));
    this.#pass(server, client, (chunk) => passage.down(chunk));
    client.resume();
  }

  /** Reads no more from either side, so that not even their ends are noticed. */
  freeze(): void {
    this.frozen = true;
    this.#client.pause();
    this.#server?.pause();
  }

  /** Ends both sides with RST. */
  reset(): void {
    this.frozen = false;
    this.#client.resetAndDestroy();
    this.#server?.resetAndDestroy();
    this.#end();
  }

  #pass(from: Socket, to: Socket, through: (chunk: Buffer) => Buffer): void {
    from.on("data", (chunk: Buffer) => {
      const passed = this.frozen ? null : through(chunk);
      // What goes through may have frozen or reset us.
      if (!passed || this.frozen || to.destroyed || passed.length === 0) return;
      if (to.write(passed)) return;
      from.pause();
      to.once("drain", () => this.frozen || from.resume());
    });
    from.on("end", () => this.frozen || to.end());
    from.on("close", () => {
      if (this.frozen) return;
      // It ended with RST, or could not be reached, unless FIN went both ways.
      if (from.errored || !to.writableEnded) to.resetAndDestroy();
      if (to.destroyed) this.#end();
    });
  }

  #end(): void {
    this.#passage?.ended();
    this.#passage = null;
    this.#onEnd();
  }
}
