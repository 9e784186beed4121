/** A TCP line to a server that a test can cut, silently or by closing, and mend. */

import { once } from "node:events";
import { createServer, connect as dial, type Server, type Socket } from "node:net";

export class CuttableLink {
  readonly #server: Server;
  readonly #targetPort: number;
  readonly #sockets = new Set<Socket>();
  #silent = false;
  #heldAfter: string | null = null;

  static async to(targetPort: number): Promise<CuttableLink> {
    const link = new CuttableLink(targetPort);
    link.#server.listen(0, "127.0.0.1");
    await once(link.#server, "listening");
    return link;
  }

  private constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#server = createServer((near) => this.#join(near));
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** From now on a connection on which the server has said `text` brings nothing further from it. */
  holdAfter(text: string): void {
    this.#heldAfter = text;
  }

  /** Nothing passes any more and nobody is told. */
  cutSilently(): void {
    this.#silent = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** What was sent meanwhile arrives. */
  mend(): void {
    this.#silent = false;
    this.#heldAfter = null;
    for (const socket of this.#sockets) socket.resume();
  }

  /** Closes every connection; new ones are taken. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.drop();
    this.#server.close();
    await once(this.#server, "close");
  }

  #join(near: Socket): void {
    const far = dial(this.#targetPort, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      from.on("data", (data) => {
        to.write(data);
        if (this.#heldAfter !== null && from === far && data.includes(this.#heldAfter)) from.pause();
      });
      from.on("error", () => {});
      from.on("close", () => {
        to.destroy();
        this.#sockets.delete(from);
      });
      if (this.#silent) from.pause();
    }
  }
}
