import { createServer } from "node:net";

/**
 * Below every system's range for outgoing connections, so that nothing takes the port of a server while a test
 * has it stopped.
 */
const FIRST_PORT = 15_000;
const LAST_PORT = 32_000;

const given = new Set<number>();

/** A loopback port on which nothing listens; never the same one twice in a process. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
