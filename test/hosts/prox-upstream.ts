/** A request on its way from prox to an upstream. */
import { type IncomingMessage, request } from "node:http";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { canonical, type Headers, MESSAGE_ONLY } from "./prox-message.ts";
import { type Bucket, throttled } from "./prox-speed.ts";

export interface Outgoing {
  method: string;
  /** Path and query. */
  target: string;
  headers: Headers;
  /** The client's address and the host that it named. */
  client: string;
  host: string;
  chunked: boolean;
  body: Readable | undefined;
  upload: Bucket | undefined;
  /** Told of each part of the body. */
  received: (bytes: number) => void;
}

/** The head of the answer of `address`, host:port; rejects when there is none. */
export function fromUpstream(address: string, outgoing: Outgoing): Promise<IncomingMessage> {
  const { hostname, port, host } = new URL(`http://${address}`);
  const { method, target, upload } = outgoing;
  const before = outgoing.headers.flatMap(([name, value]) => (name === "X-Forwarded-For" ? [value] : []));
  const headers: Headers = [
    ["Host", host],
    ...withoutNamed(outgoing.headers).filter(
      ([name]) => !MESSAGE_ONLY.has(name) && name !== "X-Forwarded-For",
    ),
    ["X-Forwarded-For", [...before, outgoing.client].join(", ")],
    ["X-Forwarded-Host", outgoing.host],
    ["X-Forwarded-Proto", "http"],
    ...(outgoing.chunked ? ([["Transfer-Encoding", "chunked"]] satisfies Headers) : []),
  ];
  return new Promise((resolve, reject) => {
    const sent = request({ host: hostname, port, method, path: target, headers: headers.flat() }, resolve);
    sent.on("error", reject);
    if (!outgoing.body) return void sent.end();
    const parts = upload ? [outgoing.body, throttled(upload)] : [outgoing.body];
    parts[0]?.on("data", (chunk) => outgoing.received(chunk.length));
    pipeline([...parts, sent]).catch(reject);
  });
}

/** Less those that the headers Connection name. */
function withoutNamed(headers: Headers): Headers {
  const named = headers.flatMap(([name, value]) => (name === "Connection" ? value.split(",") : []));
  const gone = new Set(named.map((name) => canonical(name.trim())));
  return headers.filter(([name]) => !gone.has(name));
}
