import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createServer, type Server as TcpServer } from "node:net";
import { closeWithFile } from "./open.ts";
import { freePort } from "./ports.ts";

/** What stands behind frpc's proxies. */
export interface Backend extends AsyncDisposable {
  /** Sends back whatever it gets, over TCP and UDP; ends a TCP connection that says "bye". */
  echoPort: number;
  /** Answers every HTTP request with 200. */
  httpPort: number;
}

export async function startBackend(): Promise<Backend> {
  const echo = createServer((socket) => {
    socket.on("error", () => {}).on("data", (data) => data.includes("bye") && socket.end());
    socket.pipe(socket);
  });
  const web = createHttpServer((_, response) => response.end("served"));
  const datagrams = createSocket("udp4");
  datagrams.on("message", (message, from) => datagrams.send(message, from.port, from.address));
  const [echoPort, httpPort] = [await freePort(), await freePort()];
  await Promise.all([listening(echo, echoPort), listening(web, httpPort)]);
  datagrams.bind(echoPort, "127.0.0.1");
  await once(datagrams, "listening");
  const backend: Backend = {
    echoPort,
    httpPort,
    async [Symbol.asyncDispose]() {
      if (!echo.listening) return;
      echo.close();
      web.close();
      datagrams.close();
    },
  };
  closeWithFile(backend);
  return backend;
}

async function listening(server: TcpServer, port: number): Promise<void> {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
}
