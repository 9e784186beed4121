/** The people who use a proxy: connections to frps's user side, or to a visitor's port, of every type. */
import { createSocket } from "node:dgram";
import { connect, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";

const UDP_ANSWER_WITHIN_MS = 5_000;

/** One user's open connection. */
export interface User extends AsyncDisposable {
  /** True once the backend's answer came through, false if the connection ended without one. */
  served: Promise<boolean>;
  /** The user's own port: the last part of `remote_addr` in NewUserConn of tcp, https and tcpmux. */
  port: number;
  close(): Promise<void>;
  /** Asks the backend to end the connection, and resolves when it has. */
  dismissed(): Promise<void>;
}

/** A connection to a tcp proxy, or to the port of an stcp visitor. */
export async function tcpUser(port: number, host = "127.0.0.1"): Promise<User> {
  return talk(await connected(port, host), Buffer.from("ping"), /ping/);
}

export async function httpUser(port: number, domain: string): Promise<User> {
  const request = `GET / HTTP/1.1\r\nHost: ${domain}\r\n\r\n`;
  return talk(await connected(port, "127.0.0.1"), Buffer.from(request), /^HTTP\/1.1 200/);
}

/** An https proxy passes TLS on unread, so the backend need not speak it: it sends the ClientHello back. */
export async function httpsUser(port: number, domain: string): Promise<User> {
  return talk(await connected(port, "127.0.0.1"), await clientHello(domain), /./s);
}

/** A connection through tcpmux's HTTP CONNECT. What comes together with the CONNECT, frps drops. */
export async function tcpmuxUser(port: number, domain: string): Promise<User> {
  const socket = await connected(port, "127.0.0.1");
  socket.once("data", () => socket.write("ping"));
  return talk(socket, Buffer.from(`CONNECT ${domain}:80 HTTP/1.1\r\nHost: ${domain}:80\r\n\r\n`), /ping/);
}

/** A datagram to a udp proxy, or to the port of a sudp visitor. */
export async function udpUser(port: number): Promise<User> {
  const socket = createSocket("udp4");
  const served = new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(false), UDP_ANSWER_WITHIN_MS);
    const answered = (is: boolean) => () => {
      clearTimeout(timer);
      resolve(is);
    };
    socket.once("message", answered(true)).once("error", answered(false)).once("close", answered(false));
  });
  await new Promise<void>((resolve) => socket.send("ping", port, "127.0.0.1", () => resolve()));
  let open = true;
  const close = async (): Promise<void> => {
    if (open) socket.close();
    open = false;
  };
  return { served, port: socket.address().port, close, dismissed: close, [Symbol.asyncDispose]: close };
}

async function connected(port: number, host: string): Promise<Socket> {
  const socket = connect(port, host);
  await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  return socket.on("error", () => {});
}

function talk(socket: Socket, hello: Buffer, answer: RegExp): User {
  const close = (): Promise<void> => closed(socket);
  const dismissed = (): Promise<void> => {
    socket.write("bye");
    return ended(socket);
  };
  const user = { served: answered(socket, answer), port: socket.localPort ?? 0, close, dismissed };
  socket.write(hello);
  return { ...user, [Symbol.asyncDispose]: close };
}

function answered(socket: Socket, answer: RegExp): Promise<boolean> {
  return new Promise((resolve) => {
    let seen = "";
    socket.on("data", (chunk) => {
      seen += chunk.toString("latin1");
      if (answer.test(seen)) resolve(true);
    });
    socket.once("close", () => resolve(false));
  });
}

function closed(socket: Socket): Promise<void> {
  const end = ended(socket);
  socket.destroy();
  return end;
}

function ended(socket: Socket): Promise<void> {
  return socket.closed ? Promise.resolve() : new Promise((resolve) => socket.once("close", () => resolve()));
}

/** The first bytes of a TLS connection to `domain`, as Node would send them. */
export function clientHello(domain: string): Promise<Buffer> {
  return new Promise((resolve) => {
    const wire = new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        resolve(chunk);
        done();
      },
    });
    connectTls({ socket: wire, servername: domain }).on("error", () => {});
  });
}
