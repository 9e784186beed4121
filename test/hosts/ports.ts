import { createServer } from "node:net";

/**
 * Below every system's range for outgoing connections, so that nothing takes the port of a server while a test
 * has it stopped.
 */
const FIRST_PORT = 15_000;
const LAST_PORT = 32_000;
/** Each worker of a run has ports of its own: one whose server is down for a moment is free, but not to be had. */
const STRIPES = 8;
const stripe = Number(process.env.VITEST_POOL_ID ?? 0) % STRIPES;

const given = new Set<number>();

/** The first loopback port of a range, as a test's subject demands it, on which nothing listens. */
export async function freePortOf(from: number, to: number): Promise<number> {
  for (let port = from; port <= to; port++) {
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error(`no port from ${from} to ${to} is free`);
}

/** A loopback port on which nothing listens; never the same one twice in a process. */
export async function freePort(): Promise<number> {
  for (;;) {
    const row = Math.floor((Math.random() * (LAST_PORT - FIRST_PORT)) / STRIPES);
    const port = FIRST_PORT + row * STRIPES + stripe;
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
