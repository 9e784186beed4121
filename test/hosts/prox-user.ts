/** The people behind prox: HTTP requests to a service, and connections that prox passes on by their TLS name. */
import { Agent, type IncomingMessage, request } from "node:http";
import { connect, type Socket } from "node:net";
import { clientHello } from "./frp-user.ts";

export interface Asked {
  method?: string;
  path?: string;
  /** Name and value in turns, in the order and case in which they are sent; `Host` need not be there. */
  headers?: readonly string[];
  host?: string;
  body?: string | Buffer;
}

export interface Answered {
  status: number;
  headers: IncomingMessage["headers"];
  body: Buffer;
}

/** Somebody who sends requests to one port, over one connection as long as it is kept. */
export class WebUser {
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  /** What prox has as its remote address, once a request was sent. */
  address = "";

  constructor(port: number) {
    this.#port = port;
  }

  /** Fails when the connection ends before an answer. */
  ask({ method = "GET", path = "/", headers = [], host = "web.test", body }: Asked = {}): Promise<Answered> {
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          host: "127.0.0.1",
          port: this.#port,
          agent: this.#agent,
          method,
          path,
          headers: ["Host", host, ...headers],
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk) => chunks.push(chunk));
          response.on("end", () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: Buffer.concat(chunks),
            }),
          );
          response.on("error", reject);
        },
      );
      sent.on("error", reject).on("socket", (socket) => this.#learn(socket));
      sent.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  #learn(socket: Socket): void {
    const learn = (): void => {
      this.address = `${socket.localAddress}:${socket.localPort}`;
    };
    if (socket.connecting) socket.once("connect", learn);
    else learn();
  }
}

/** One request over a connection of its own. */
export async function askOnce(port: number, asked: Asked = {}): Promise<Answered> {
  const user = new WebUser(port);
  try {
    return await user.ask(asked);
  } finally {
    user.close();
  }
}

/** A connection with a TLS name; prox passes its bytes on unread. */
export interface PassUser {
  /** The first bytes that came back, or "" when the connection ended without any. */
  first: Promise<string>;
  address: string;
  close(): void;
}

export async function passUser(port: number, domain: string): Promise<PassUser> {
  const socket = connect(port, "127.0.0.1");
  await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  const first = new Promise<string>((resolve) => {
    socket.on("data", (chunk) => resolve(chunk.toString("latin1")));
    socket.on("error", () => {}).once("close", () => resolve(""));
  });
  const address = `${socket.localAddress}:${socket.localPort}`;
  socket.write(await clientHello(domain));
  return { first, address, close: () => socket.destroy() };
}
