/** One HTTP request through prox: matched, asked about, sent upstream, its response asked about, and its end told. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import type { Verdict } from "./prox-answer.ts";
import { answered, type Exchange, type WebOptions } from "./prox-exchange.ts";
import type { RequestInfo } from "./prox-frame.ts";
import {
  bodyOf,
  escapedPath,
  firsts,
  type Headers,
  headersOf,
  MESSAGE_ONLY,
  merged,
  PLAIN,
  says,
  unescapedPath,
} from "./prox-message.ts";
import { matchOf } from "./prox-routes.ts";
import type { Buckets } from "./prox-speed.ts";
import { fromUpstream } from "./prox-upstream.ts";

export async function serveWeb(
  options: WebOptions,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const startedAt = performance.now();
  const [rawPath = "/", query = ""] = (incoming.url ?? "/").split(/\?(.*)/s);
  const path = unescapedPath(rawPath);
  if (path === undefined) return says(response, 400, "400 Bad Request");
  const { host = "", "content-length": length, "transfer-encoding": coding } = incoming.headers;
  const domain = host.replace(/:[^:]*$/, "");
  const matched = matchOf(options.routes(), domain, path);
  if (!matched) return says(response, 404, "404 page not found");
  const { route } = matched;
  const { peeked, body } = await bodyOf(incoming);
  const info: RequestInfo = {
    route: route.id,
    method: incoming.method ?? "GET",
    path,
    query,
    domain,
    host,
    proto: `HTTP/${incoming.httpVersion}`,
    remote: `${incoming.socket.remoteAddress}:${incoming.socket.remotePort}`,
    contentLength: Number(length ?? (coding ? -1 : 0)),
    headers: firsts(headersOf(incoming.rawHeaders)),
    body: peeked,
    matchedDomain: matched.captures.join("."),
    matchedGlob: matched.glob,
    matchedPath: matched.path,
    vars: route.vars,
    target: route.balancer?.next(matched.captures[0] ?? "") ?? "",
  };
  const counts = { sentBytes: 0, receivedBytes: 0 };
  const exchange = { options, incoming, response, matched, info, body, isForWebSocket: false, ...counts };
  const verdict = await verdictOn(exchange);
  if (verdict === "answered") return;
  const tell = options.hooks.has(route, "on_disconnect");
  if (!(await forwarded(exchange, verdict)) || !tell) return;
  options.hooks.disconnect(route, {
    route: route.id,
    target: info.target,
    remote: info.remote,
    receivedBytes: exchange.receivedBytes,
    sentBytes: options.counts ? exchange.sentBytes : 0,
    durationMs: Math.floor(performance.now() - startedAt),
  });
}

/** Asks about the request; what is not let through is answered here. */
async function verdictOn(exchange: Exchange): Promise<Verdict | "answered" | undefined> {
  const { options, info, response } = exchange;
  const { route } = exchange.matched;
  if (!options.hooks.has(route, "on_request")) return undefined;
  try {
    const verdict = await options.hooks.request(route, info);
    if (verdict.drop) response.socket?.destroy();
    else if (verdict.allow || verdict.fallback) return verdict;
    else says(response, verdict.status || 403, verdict.body, [...verdict.headers]);
  } catch (error) {
    options.say(
      "error",
      `plugin request hook failed service=${route.service} route=${route.id} err=${error}`,
    );
    says(response, 500, "Internal Server Error");
  }
  return "answered";
}

/** False when the fallback that was asked for is not there: prox then tells of no end. */
async function forwarded(exchange: Exchange, verdict: Verdict | undefined): Promise<boolean> {
  const { options, matched, info } = exchange;
  const { action } = matched.route;
  const speed = options.pushes.limit(matched.route.id, verdict?.speed);
  const actions = [action, ...(action.fallback ? [options.action(action.fallback)] : [])];
  if (verdict?.fallback) actions.shift();
  try {
    for (const { upstream } of actions) {
      const address = upstream.replaceAll("{target}", info.target);
      const answer = address && (await asked(exchange, verdict, address, speed).catch(() => undefined));
      if (!answer) continue;
      const headers = headersOf(answer.rawHeaders).filter(
        ([name]) => !MESSAGE_ONLY.has(name) && name !== "Date",
      );
      await answered(exchange, answer.statusCode ?? 502, headers, speed, answer);
      return true;
    }
    await answered(exchange, 502, [...PLAIN], speed, Readable.from([Buffer.from("Bad Gateway\n")]));
    return actions.length > 0;
  } finally {
    speed.release();
  }
}

function asked(
  exchange: Exchange,
  verdict: Verdict | undefined,
  address: string,
  { upload }: Buckets,
): Promise<IncomingMessage> {
  const { incoming, info, body } = exchange;
  const path = escapedPath(verdict?.rewritePath || info.path);
  const query = verdict?.cleanQuery || !info.query ? "" : `?${info.query}`;
  const headers = merged(headersOf(incoming.rawHeaders), verdict?.headers ?? new Map());
  exchange.isForWebSocket = isForWebSocket(headers);
  return fromUpstream(address, {
    method: info.method,
    target: `${path}${query}`,
    headers,
    client: incoming.socket.remoteAddress ?? "",
    host: info.host,
    chunked: info.contentLength < 0,
    body: info.contentLength === 0 ? undefined : body,
    upload,
    received: (bytes) => {
      exchange.receivedBytes += bytes;
    },
  });
}

function isForWebSocket(headers: Headers): boolean {
  const has = (wanted: string, value: string): boolean =>
    headers.some(([name, listed]) => name === wanted && listed.toLowerCase().split(/, */).includes(value));
  return has("Connection", "upgrade") && has("Upgrade", "websocket");
}
