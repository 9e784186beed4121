/** HTTP messages as Go's net/http sees them: names in canonical case, decoded paths, a body that is looked into. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";

export type Headers = [name: string, value: string][];

/** What a plugin gets of a body. */
const MAX_PEEKED_BYTES = 64 * 1024;
const WITHOUT_BODY = new Set(["GET", "HEAD", "OPTIONS", "DELETE"]);

/** Headers of one hop, which are not handed on. */
export const MESSAGE_ONLY = new Set([
  "Connection",
  "Keep-Alive",
  "Proxy-Authenticate",
  "Proxy-Authorization",
  "Trailer",
  "Transfer-Encoding",
  "Upgrade",
]);
/** What Go keeps beside the headers. */
const BESIDE = new Set(["Host", "Transfer-Encoding", "Trailer"]);

const TOKEN = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/;

/** `x-many` is X-Many; a name with other signs than a token's stays as it is. */
export function canonical(name: string): string {
  if (!TOKEN.test(name)) return name;
  return name.toLowerCase().replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
}

/** In order, with canonical names. */
export function headersOf(raw: readonly string[]): Headers {
  const headers: Headers = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = canonical(raw[at] ?? "");
    if (!BESIDE.has(name)) headers.push([name, raw[at + 1] ?? ""]);
  }
  return headers;
}

/** Each name with its first value, which is all that a plugin gets. */
export function firsts(headers: Headers): Headers {
  return headers.filter(([name], at) => headers.findIndex(([other]) => other === name) === at);
}

/** Undefined when its escapes are none. */
export function unescapedPath(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/** A `?` in it is part of the path. */
export function escapedPath(path: string): string {
  return encodeURIComponent(path)
    .replace(/%(2F|24|26|2B|2C|3A|3B|3D|40)/g, (escaped) => decodeURIComponent(escaped))
    .replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The body's beginning, where its length was announced, and all of it to read. */
export async function bodyOf(incoming: IncomingMessage): Promise<{ peeked: Buffer; body: Readable }> {
  const announced = Number(incoming.headers["content-length"] ?? 0) > 0;
  if (!announced || WITHOUT_BODY.has(incoming.method ?? ""))
    return { peeked: Buffer.alloc(0), body: incoming };
  const rest = incoming[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const read: Buffer[] = [];
  for (let length = 0; length <= MAX_PEEKED_BYTES; length += read.at(-1)?.length ?? 0) {
    const { done, value } = await rest.next();
    if (done) break;
    read.push(value);
  }
  async function* all(): AsyncGenerator<Buffer> {
    yield* read;
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
  }
  return { peeked: Buffer.concat(read).subarray(0, MAX_PEEKED_BYTES), body: Readable.from(all()) };
}

/** As Go's Header.Set: the header stands once, with the new value. */
export function merged(
  headers: readonly (readonly [string, string])[],
  set: ReadonlyMap<string, string>,
): Headers {
  const names = new Set([...set.keys()].map(canonical));
  const kept = headers
    .filter(([name]) => !names.has(name))
    .map(([name, value]): [string, string] => [name, value]);
  return [...kept, ...[...set].map(([name, value]): [string, string] => [canonical(name), value])];
}

/** What Go's http.Error adds. */
export const PLAIN: Headers = [
  ["Content-Type", "text/plain; charset=utf-8"],
  ["X-Content-Type-Options", "nosniff"],
];

/** What Go writes of headers: no line ends within a value, and none whose name is no token. */
export function writable(headers: Headers): Headers {
  const named = headers.filter(([name]) => TOKEN.test(name));
  return named.map(([name, value]) => [canonical(name), value.replace(/[\r\n]/g, " ").trim()]);
}

/** As Go's http.Error: plain text and a line's end, whatever headers were there. What is no status becomes 200. */
export function says(response: ServerResponse, status: number, text: string, headers: Headers = []): void {
  const [code, body] = isStatus(status) ? [finalStatus(status), text] : [200, "Internal Server Error"];
  const length: [string, string] = ["Content-Length", String(Buffer.byteLength(body) + 1)];
  const sent = merged(writable(headers), new Map([...PLAIN, length]));
  response.writeHead(code, sent.flat());
  response.end(`${body}\n`);
}

export function isStatus(status: number): boolean {
  return status >= 100 && status <= 999;
}

/** To Go a status below 200 but 101 only announces another, and the body that follows makes that 200. */
export function finalStatus(status: number): number {
  return status < 200 && status !== 101 ? 200 : status;
}
