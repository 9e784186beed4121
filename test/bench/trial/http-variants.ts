/** The servers that http.ts compares; as a program of its own it runs the one that is named. */

import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { GroupCommit, type Store, stores } from "./stores.ts";

type Bindings = { Bindings: HttpBindings };
type Handler = (c: Context<Bindings>) => Promise<Response>;

const allow = { reject: false, unchange: true };
const answer = JSON.stringify(allow);
const answerBytes = Buffer.from(answer);
const line = `${"x".repeat(1200)}\n`;
const json = { "content-type": "application/json" };
const jsonAndLength = { "content-type": "application/json", "content-length": answerBytes.length };

/** Stands for the bridge: looks at the op, answers after one more turn of the microtask queue. */
async function handle(body: unknown, reqid: string | undefined): Promise<void> {
  if ((body as { op: string }).op !== "NewUserConn" || reqid?.length !== 16) throw new Error("not as sent");
}

/** Rejects when the peer goes away; `maxBytes` holds whatever Content-Length claims. */
function bytesOf(incoming: IncomingMessage, maxBytes = 1 << 20): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let first: Buffer | undefined;
    let rest: Buffer[] | undefined;
    let length = 0;
    incoming.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > maxBytes) return reject(new Error("too large"));
      if (first === undefined) first = chunk;
      else if (rest) rest.push(chunk);
      else rest = [first, chunk];
    });
    incoming.on("end", () => resolve(rest ? Buffer.concat(rest) : (first ?? Buffer.alloc(0))));
    incoming.on("error", reject);
  });
}

async function chunksOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const reqidOf = (incoming: IncomingMessage): string | undefined =>
  incoming.headers["x-frp-reqid"] as string | undefined;
const parsed = async (incoming: IncomingMessage): Promise<unknown> =>
  JSON.parse((await bytesOf(incoming)).toString());
const sent = (outgoing: ServerResponse): void => void outgoing.writeHead(200, jsonAndLength).end(answer);

function hono(handler: Handler, prepare?: (app: Hono<Bindings>) => void): RequestListener {
  const app = new Hono<Bindings>();
  prepare?.(app);
  app.post("/handler", handler);
  app.post("/handler/:node", handler);
  return getRequestListener((request, env) => app.fetch(request, env));
}

/** The body by the raw stream; only the writing of the answer differs. */
const answered = (write: (c: Context<Bindings>) => Response): RequestListener =>
  hono(async (c) => {
    await handle(await parsed(c.env.incoming), reqidOf(c.env.incoming));
    return write(c);
  });
/** The answer by c.body; only the reading of the body differs. */
const read = (body: (c: Context<Bindings>) => Promise<unknown>, prepare?: (app: Hono<Bindings>) => void) =>
  hono(async (c) => {
    await handle(await body(c), c.req.header("x-frp-reqid"));
    return c.body(answer, 200, json);
  }, prepare);

const bare: RequestListener = async (incoming, outgoing) => {
  await handle(await parsed(incoming), reqidOf(incoming));
  sent(outgoing);
};
/** The journal's file is removed at once: it lives as long as the process. */
const journaled = (make: (path: string) => Store): RequestListener => {
  const dir = mkdtempSync(join(import.meta.dirname, ".journal-"));
  const journal = new GroupCommit(make(join(dir, "0")));
  setTimeout(() => rmSync(dir, { recursive: true }), 1000);
  return async (incoming, outgoing) => {
    await handle(await parsed(incoming), reqidOf(incoming));
    await journal.append(line);
    sent(outgoing);
  };
};
const onward = hono(async (c) => c.notFound());

const raw = (c: Context<Bindings>): Promise<unknown> => parsed(c.env.incoming);
export const groups: Record<string, Record<string, () => RequestListener>> = {
  "reading the body": {
    "bare node:http": () => bare,
    "hono, raw stream, data/end": () => read(raw),
    "hono, raw stream, for await": () =>
      read(async (c) => JSON.parse((await chunksOf(c.env.incoming)).toString())),
    "hono, c.req.json()": () => read((c) => c.req.json()),
    "hono, c.req.text()": () => read(async (c) => JSON.parse(await c.req.text())),
    "hono, c.req.arrayBuffer()": () =>
      read(async (c) => JSON.parse(Buffer.from(await c.req.arrayBuffer()).toString())),
    "hono, bodyLimit and c.req.text()": () =>
      read(
        async (c) => JSON.parse(await c.req.text()),
        (app) => app.use(bodyLimit({ maxSize: 1 << 20 })),
      ),
    "hono, raw stream, one middleware": () => read(raw, (app) => app.use((_, next) => next())),
  },
  "writing the answer": {
    "bare node:http": () => bare,
    "hono, c.body(text, 200, headers)": () => answered((c) => c.body(answer, 200, json)),
    "hono, c.json(object)": () => answered((c) => c.json(allow)),
    "hono, new Response(text)": () => answered(() => new Response(answer, { headers: json })),
    "hono, new Response(bytes)": () => answered(() => new Response(answerBytes, { headers: json })),
    "hono, outgoing.end + RESPONSE_ALREADY_SENT": () =>
      answered((c) => {
        sent(c.env.outgoing);
        return RESPONSE_ALREADY_SENT;
      }),
    "node:http for POST {path}, hono for the rest": () => (incoming, outgoing) =>
      incoming.method === "POST" && incoming.url?.startsWith("/handler")
        ? bare(incoming, outgoing)
        : onward(incoming, outgoing),
  },
  "with the journal": {
    "no journal": () => bare,
    ...Object.fromEntries(Object.entries(stores).map(([name, make]) => [name, () => journaled(make)])),
  },
};

const chosen = process.argv[2];
if (process.send && chosen) {
  const make = Object.values(groups).find((variants) => chosen in variants)?.[chosen];
  if (!make) throw new Error(`no variant ${chosen}`);
  const server = createServer({ keepAliveTimeout: 95_000 }, make());
  server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
  process.on("message", () => {
    const { user, system } = process.cpuUsage();
    const main = process.threadCpuUsage();
    process.send?.([main.user + main.system, user + system]);
  });
  process.on("disconnect", () => process.exit());
}
