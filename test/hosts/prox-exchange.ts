/** What stays the same over one request through prox, and how its response goes back. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ProxAction } from "./prox-config.ts";
import type { RequestInfo } from "./prox-frame.ts";
import type { Hooks } from "./prox-hooks.ts";
import {
  canonical,
  finalStatus,
  firsts,
  type Headers,
  isStatus,
  merged,
  says,
  writable,
} from "./prox-message.ts";
import type { Say } from "./prox-process.ts";
import type { Pushes } from "./prox-pushes.ts";
import type { Matched, Route } from "./prox-routes.ts";
import { type Buckets, throttled } from "./prox-speed.ts";

export interface WebOptions {
  hooks: Hooks;
  pushes: Pushes;
  say: Say;
  /** Of this service, as configured now. */
  routes: () => readonly Route[];
  action: (name: string) => ProxAction;
  /** Whether prox counts what it sends: with a log of level info. */
  counts: boolean;
}

export interface Exchange {
  options: WebOptions;
  incoming: IncomingMessage;
  response: ServerResponse;
  matched: Matched;
  info: RequestInfo;
  body: Readable;
  /** As the upstream is asked: prox then asks about no response. */
  isForWebSocket: boolean;
  sentBytes: number;
  receivedBytes: number;
}

/** Asks about the response and sends it, changed or as it was. */
export async function answered(
  exchange: Exchange,
  status: number,
  headers: Headers,
  speed: Buckets,
  body: Readable,
): Promise<void> {
  const { options, matched, info, response } = exchange;
  const { hooks, say } = options;
  let [code, sent] = [status, headers];
  if (!exchange.isForWebSocket && hooks.has(matched.route, "on_response")) {
    try {
      const change = await hooks.response(matched.route, info, { status, headers: firsts(headers) });
      const removed = new Set(change.remove.map(canonical));
      sent = merged(
        headers.filter(([name]) => !removed.has(name)),
        change.headers,
      );
      code = change.status || status;
    } catch (error) {
      say("error", `plugin response hook failed route=${matched.route.id} err=${error}`);
    }
  }
  if (!isStatus(code)) {
    says(response, code, "", sent);
    throw new Error(`${code} is no status`);
  }
  response.writeHead(finalStatus(code), writable(sent).flat());
  const parts = speed.download ? [body, throttled(speed.download)] : [body];
  parts.at(-1)?.on("data", (chunk) => {
    exchange.sentBytes += chunk.length;
  });
  await pipeline([...parts, response]).catch(() => {});
}
