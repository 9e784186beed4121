/** One connection through a service with `pass` routes: named by its ClientHello, asked about, handed on unread. */
import { connect, type Socket } from "node:net";
import type { Hooks } from "./prox-hooks.ts";
import type { Say } from "./prox-process.ts";
import { matchOf, type Route } from "./prox-routes.ts";

const RECORD_HEAD_BYTES = 5;

export interface PassOptions {
  hooks: Hooks;
  say: Say;
  /** Of this service, as configured now. */
  routes: () => readonly Route[];
  /** An error that a real prox would not survive. */
  connectFailed: (error: unknown) => void;
}

export async function servePass(options: PassOptions, client: Socket): Promise<void> {
  const remote = `${client.remoteAddress}:${client.remotePort}`;
  client.on("error", () => {});
  const hello = await firstRecord(client);
  const domain = hello ? serverName(hello) : "";
  const matched = matchOf(
    options.routes().filter(({ match }) => match?.domain),
    domain,
  );
  if (!hello || !matched) return void client.destroy();
  const { route, captures, glob } = matched;
  if (options.hooks.has(route, "on_connect")) {
    const info = { route: route.id, domain, remote, matchedDomain: captures.join("."), matchedGlob: glob };
    const allowed = await options.hooks.connect(route, info).catch((error) => {
      options.connectFailed(error);
      return false;
    });
    if (!allowed) {
      options.say("debug", `l4 plugin denied connection sni=${domain} remote=${remote}`);
      return void client.resetAndDestroy();
    }
  }
  relay(
    client,
    hello,
    route.action.upstream.replaceAll("{target}", route.balancer?.next(captures[0] ?? "") ?? ""),
  );
}

function relay(client: Socket, hello: Buffer, address: string): void {
  const [host, port] = address.split(/:(?=\d+$)/);
  if (!port) return void client.destroy();
  const upstream = connect(Number(port), host);
  upstream.write(hello);
  client.pipe(upstream);
  upstream.pipe(client);
  for (const [one, other] of [
    [client, upstream],
    [upstream, client],
  ] as const)
    one.on("error", () => {}).once("close", () => other.destroy());
}

/** All that came with the first TLS record; undefined when the connection ends before. */
function firstRecord(client: Socket): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    let kept = Buffer.alloc(0);
    const look = (chunk: Buffer): void => {
      kept = Buffer.concat([kept, chunk]);
      if (kept.length < RECORD_HEAD_BYTES || kept.length < RECORD_HEAD_BYTES + kept.readUInt16BE(3)) return;
      client.off("data", look).pause();
      resolve(kept);
    };
    client.on("data", look).once("close", () => resolve(undefined));
  });
}

const CLIENT_HELLO_HEAD_BYTES = 4 + 2 + 32;
const SERVER_NAME = 0;
const NAME_AT = 5;

/** "" when the record names none. */
function serverName(record: Buffer): string {
  let at = RECORD_HEAD_BYTES + CLIENT_HELLO_HEAD_BYTES;
  const skip = (lengthBytes: number): void => {
    at += lengthBytes + record.readUIntBE(at, lengthBytes);
  };
  try {
    skip(1); // session
    skip(2); // ciphers
    skip(1); // compression
    for (at += 2; at < record.length; skip(2)) {
      const kind = record.readUInt16BE(at);
      at += 2;
      if (kind !== SERVER_NAME) continue;
      const length = record.readUInt16BE(at + NAME_AT);
      return record.toString("latin1", at + NAME_AT + 2, at + NAME_AT + 2 + length);
    }
  } catch {
    // It ended before its lengths did.
  }
  return "";
}
