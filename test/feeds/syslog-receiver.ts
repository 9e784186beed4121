import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { temporaryFolder } from "../hosts/folder.ts";
import { closeWithFile } from "../hosts/open.ts";
import { freePort } from "../hosts/ports.ts";
import { run } from "../hosts/process.ts";
import { OctetCounted } from "./syslog-frames.ts";
import { type SyslogMessage, syslogMessage } from "./syslog-message.ts";

/** Certificates of a CA of the test's own. */
export interface Certificates {
  /** The CA's file. */
  readonly ca: string;
  /** A key and a certificate for a name. */
  of(name: string): Promise<{ key: Buffer; cert: Buffer }>;
}

export async function makeCertificates(): Promise<Certificates> {
  const folder = await temporaryFolder("certificates");
  closeWithFile({ [Symbol.asyncDispose]: () => folder.remove() });
  const openssl = (line: string) => run({ program: "openssl", args: line.split(" "), cwd: folder.path });
  const fresh = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2";
  await openssl(`${fresh} -subj /CN=tests -keyout ca.key -out ca.pem`);
  return {
    ca: join(folder.path, "ca.pem"),
    async of(name) {
      const names = `-subj /CN=${name} -addext subjectAltName=DNS:${name} -addext basicConstraints=CA:FALSE`;
      await openssl(`${fresh} ${names} -CA ca.pem -CAkey ca.key -keyout ${name}.key -out ${name}.pem`);
      const [key, cert] = ["key", "pem"].map((kind) => readFile(join(folder.path, `${name}.${kind}`)));
      return { key: await key!, cert: await cert! };
    },
  };
}

/**
 * A receiver of syslog over TLS that takes nothing but RFC 5425 and RFC 5424. What breaks them, or a connection's
 * framing, is kept as a fault and thrown by whoever waits.
 *
 *   away ──start──▶ there ──stop, crash──▶ away
 */
export class SyslogReceiver implements AsyncDisposable {
  readonly port: number;
  readonly messages: SyslogMessage[] = [];
  readonly faults: string[] = [];
  #server: Server | undefined;
  #sockets = new Set<TLSSocket>();
  #came = Promise.withResolvers<void>();

  private constructor(port: number) {
    this.port = port;
    closeWithFile(this);
  }

  static async away(): Promise<SyslogReceiver> {
    return new SyslogReceiver(await freePort());
  }

  async start(identity: { key: Buffer; cert: Buffer }): Promise<void> {
    const server = createServer(identity, (socket) => this.#serve(socket));
    server.on("tlsClientError", (error) => this.#tell(`no TLS: ${error.message}`));
    server.listen(this.port, "127.0.0.1");
    await once(server, "listening");
    this.#server = server;
  }

  /** As a server that is shut down: it says goodbye on each connection. */
  stop(): Promise<void> {
    return this.#leave((socket) => socket.destroySoon());
  }

  /** As one that is killed: it says nothing, and what it has not read is gone. */
  crash(): Promise<void> {
    return this.#leave((socket) => socket.destroy());
  }

  /** Resolves when `holds` does; asked again when messages or faults have come. */
  async until(holds: () => boolean, what: string, timeoutMs = 20_000): Promise<void> {
    const deadline = AbortSignal.timeout(timeoutMs);
    const late = once(deadline, "abort");
    while (!holds()) {
      if (deadline.aborted) {
        const seen = `${this.messages.length} messages; ${this.faults.join("; ")}`;
        throw new Error(`${what} did not come within ${timeoutMs} ms: ${seen}`);
      }
      await Promise.race([this.#came.promise, late]);
    }
  }

  async #leave(part: (socket: TLSSocket) => void): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const closed = once(server, "close");
    server.close();
    for (const socket of this.#sockets) part(socket);
    await closed;
  }

  #serve(socket: TLSSocket): void {
    this.#sockets.add(socket);
    const frames = new OctetCounted((frame) => this.messages.push(syslogMessage(frame)));
    socket.on("data", (piece: Buffer) => {
      try {
        frames.add(piece);
        this.#tell();
      } catch (error) {
        this.#tell(String(error));
        socket.destroy();
      }
    });
    socket.on("error", (error) => this.#tell(`connection: ${error.message}`));
    socket.on("close", () => this.#sockets.delete(socket));
  }

  #tell(fault?: string): void {
    if (fault !== undefined) this.faults.push(fault);
    this.#came.resolve();
    this.#came = Promise.withResolvers();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.crash();
  }
}
