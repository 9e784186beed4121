/**
 * A sink of one test: an HTTP server that answers as one kind of sink does, on a port that stays.
 *
 *   up ──down──▶ down: connections end and are refused ──up──▶ up
 *
 * While it is `mute` it takes requests and answers none, not even when it speaks again.
 */
import { EventEmitter, once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server } from "node:http";
import { gunzipSync } from "node:zlib";
import { closeWithFile } from "../hosts/open.ts";
import { freePort } from "../hosts/ports.ts";

export interface Asked {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** As it came. */
  readonly body: Buffer;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export class Sink implements AsyncDisposable {
  readonly port: number;
  mute = false;
  /** Set, it is the answer to every request. */
  outOfOrder: Answer | undefined;
  /** Statuses in the order in which they were answered. */
  readonly answered: number[] = [];
  readonly #answer: (asked: Asked) => Answer;
  readonly #changed = new EventEmitter().setMaxListeners(0);
  #taken = 0;
  #server: Server | undefined;

  private constructor(port: number, answer: (asked: Asked) => Answer) {
    this.port = port;
    this.#answer = answer;
    closeWithFile(this);
  }

  /** `answer` is asked for each request, in the order in which they came whole. */
  static async start(answer: (asked: Asked) => Answer): Promise<Sink> {
    const sink = new Sink(await freePort(), answer);
    await sink.up();
    return sink;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** How many requests came whole. */
  get taken(): number {
    return this.#taken;
  }

  async up(): Promise<void> {
    const server = createServer((request, response) => {
      void wholeOf(request).then((asked) => {
        this.#taken += 1;
        const { status, headers = {}, body = "" } = this.outOfOrder ?? this.#answer(asked);
        if (!this.mute) {
          response.writeHead(status, headers).end(body);
          this.answered.push(status);
        }
        this.#changed.emit("change");
      });
    });
    await new Promise<void>((resolve) => server.listen(this.port, "127.0.0.1", resolve));
    this.#server = server;
  }

  async down(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  }

  /** Resolves when `holds` does; asked again after each request. */
  async until(holds: () => boolean, what: () => string, timeoutMs = 30_000): Promise<void> {
    const deadline = AbortSignal.timeout(timeoutMs);
    while (!holds()) {
      if (deadline.aborted) throw new Error(`${what()} within ${timeoutMs} ms`);
      await once(this.#changed, "change", { signal: deadline }).catch(() => {});
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.down();
  }
}

/** Never ends for a request that its sender gives up. */
function wholeOf(request: IncomingMessage): Promise<Asked> {
  const chunks: Buffer[] = [];
  const { promise, resolve } = Promise.withResolvers<Asked>();
  request.on("error", () => {});
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const url = new URL(request.url ?? "/", "http://sink");
    resolve({
      method: request.method ?? "",
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body: Buffer.concat(chunks),
    });
  });
  return promise;
}

/** The body as it was before `content-encoding`; undefined when that is unknown or untrue. */
export function decoded({ headers, body }: Asked): string | undefined {
  const encoding = headers["content-encoding"] ?? "identity";
  try {
    if (encoding === "identity") return body.toString();
    return encoding === "gzip" ? gunzipSync(body).toString() : undefined;
  } catch {
    return undefined;
  }
}
