/** Stands between frps and the plugin, passes all calls on, and overhears when which user connection is answered how. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

export interface Answer {
  readonly user: string;
  readonly letIn: boolean;
  /** By performance.now(). */
  readonly atMs: number;
}

export class Overhearing {
  /** host:port, for frps. */
  readonly addr: string;
  readonly close: () => void;
  #tell: (answer: Answer) => void = () => {};

  private constructor(addr: string, close: () => void) {
    this.addr = addr;
    this.close = close;
  }

  static async of(pluginPort: number): Promise<Overhearing> {
    const server = createServer(async (request, response) => {
      try {
        const call = await buffer(request);
        const url = `http://127.0.0.1:${pluginPort}${request.url}`;
        const answer = await fetch(url, { method: "POST", body: new Uint8Array(call) });
        const text = await answer.text();
        overhearing.#hear(call.toString(), text);
        response.writeHead(answer.status, { "content-type": "application/json" }).end(text);
      } catch {
        // The plugin is gone; frps is told no more than that.
        response.writeHead(502).end();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const overhearing = new Overhearing(`127.0.0.1:${port}`, () => {
      server.close();
      server.closeAllConnections();
    });
    return overhearing;
  }

  /** The next answer to a connection to a proxy of this user that lets in, or does not. */
  answered(user: string, letIn: boolean): Promise<Answer> {
    return new Promise((resolve) => {
      this.#tell = (answer) => {
        if (answer.user === user && answer.letIn === letIn) resolve(answer);
      };
    });
  }

  #hear(call: string, answer: string): void {
    const atMs = performance.now();
    const { op, content } = JSON.parse(call) as { op: string; content: { user?: { user?: string } } };
    if (op !== "NewUserConn") return;
    const { reject } = JSON.parse(answer) as { reject?: boolean };
    this.#tell({ user: content.user?.user ?? "", letIn: reject === false, atMs });
  }
}
