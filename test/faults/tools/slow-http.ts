/**
 * Clients that never finish, each in a way of its own. They hold on for as long as the server lets them: a client
 * that is thrown out does not come back.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

const byteEveryMs = 50;
const body = '{"version":"0.1.0","op":"Ping","content":{"user":{"user":"slow","metas":{},"run_id":"slow"}}}';

/** What each does once it is connected. */
const ways: readonly ((socket: Socket, random: () => number) => void)[] = [
  function halfOpen() {},
  function halfClosed(socket) {
    socket.end("POST /handler HTT");
  },
  function headersByteByByte(socket) {
    drip(socket, `POST /handler HTTP/1.1\r\nX-Padding: ${"x".repeat(1_000_000)}`);
  },
  function bodyThatStops(socket, random) {
    socket.write(headOf(body.length) + body.slice(0, Math.floor(random() * body.length)));
  },
  function bodyByteByByte(socket) {
    socket.write(headOf(1_000_000));
    drip(socket, " ".repeat(1_000_000));
  },
  function bodyThatIsLonger(socket) {
    // What is within the length is no whole op, so that no answer is owed.
    socket.write(headOf(body.length - 5) + body);
  },
  function bodyThatIsShorter(socket) {
    socket.end(headOf(2 * body.length) + body);
  },
  function rubbish(socket, random) {
    socket.write(Buffer.from(Array.from({ length: 512 }, () => Math.floor(random() * 256))));
  },
  function tlsInstead(socket) {
    // A ClientHello's beginning.
    socket.write(Buffer.from("160301020001fc0303", "hex"));
  },
];

export class SlowClients implements AsyncDisposable {
  readonly #sockets: Set<Socket>;

  /** Resolves when all are connected and have begun; each way is taken in turn, from a random one on. */
  static async open(port: number, count: number, random: () => number): Promise<SlowClients> {
    const clients = new SlowClients(new Set());
    const first = Math.floor(random() * ways.length);
    const begun = Array.from({ length: count }, (_, at) =>
      clients.#begin(port, ways[(first + at) % ways.length]!, random),
    );
    await Promise.all(begun);
    return clients;
  }

  private constructor(sockets: Set<Socket>) {
    this.#sockets = sockets;
  }

  /** Those that the server has not yet thrown out. */
  get open(): number {
    return this.#sockets.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = [...this.#sockets].map((socket) => once(socket, "close"));
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  async #begin(port: number, way: (typeof ways)[number], random: () => number): Promise<void> {
    const socket = connect({ port, host: "127.0.0.1" });
    await once(socket, "connect");
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => this.#sockets.delete(socket));
    // What the server says is not looked at, but its end is.
    socket.resume();
    way(socket, random);
  }
}

function headOf(length: number): string {
  return (
    "POST /handler HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n" +
    `X-Frp-Reqid: slow\r\nContent-Length: ${length}\r\n\r\n`
  );
}

function drip(socket: Socket, text: string): void {
  let at = 0;
  const timer = setInterval(() => {
    if (at === text.length) return;
    socket.write(text[at]!);
    at += 1;
  }, byteEveryMs);
  socket.once("close", () => clearInterval(timer));
}
