/**
 * The admin port: /healthz (the process answers), /readyz (it can decide ops now), /metrics, /v1/sessions,
 * /v1/explain, /v1/policy.
 *
 * Whether Redis or Kafka are there at this moment does not enter readiness: Sluice answers without them.
 */
import { timingSafeEqual } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { Registry } from "prom-client";
import { listen } from "../listening.ts";
import type { Pseudonyms } from "../pseudonyms/pseudonyms.ts";
import type { SessionFilter, SessionList } from "../sessions/listing.ts";
import { type Explained, mostExplainedBytes } from "./explain.ts";
import type { PolicyReport } from "./policy-report.ts";
import { sessionFilterIn } from "./session-filter.ts";

export interface AdminParts {
  /** Asked for each call. */
  readonly token: () => string | undefined;
  readonly registry: Registry;
  /** Why not ready, or null. */
  readonly notReady: () => string | null;
  readonly sessions: (filter: SessionFilter) => Promise<SessionList>;
  /** By which sessions know users and addresses; null where by their names. */
  readonly pseudonyms: Pseudonyms | null;
  /** Takes the body of the call. */
  readonly explain: (body: string) => Explained | { readonly problem: string };
  readonly policy: () => PolicyReport;
  /** Returns how many kept rules ended. */
  readonly acceptEmpty: () => Promise<number>;
}

export function adminApp({
  token,
  registry,
  notReady,
  sessions,
  pseudonyms,
  explain,
  policy,
  acceptEmpty,
}: AdminParts): Hono {
  const app = new Hono();
  app.get("/healthz", (c) => c.text("ok\n"));
  app.get("/readyz", (c) => {
    const problem = notReady();
    return problem === null ? c.text("ready\n") : c.text(`not ready: ${problem}\n`, 503);
  });
  app.use(async (c, next) => {
    const wanted = token();
    if (wanted !== undefined && !sameText(c.req.header("authorization") ?? "", `Bearer ${wanted}`)) {
      return c.text("needs the admin token\n", 401, { "www-authenticate": "Bearer" });
    }
    return next();
  });
  app.get("/metrics", async (c) =>
    c.body(await registry.metrics(), 200, { "content-type": registry.contentType }),
  );
  app.get("/v1/sessions", async (c) => {
    const asked = sessionFilterIn(c.req.query(), pseudonyms);
    return "problem" in asked ? c.json({ error: asked.problem }, 400) : c.json(await sessions(asked));
  });
  const tooLarge = `the body is larger than ${mostExplainedBytes} bytes`;
  const limit = bodyLimit({ maxSize: mostExplainedBytes, onError: (c) => c.json({ error: tooLarge }, 400) });
  app.post("/v1/explain", limit, async (c) => {
    const explained = explain(await c.req.text());
    return "problem" in explained ? c.json({ error: explained.problem }, 400) : c.json(explained);
  });
  app.get("/v1/policy", (c) => c.json(policy()));
  app.post("/v1/policy/accept-empty", async (c) => {
    // No page that an operator has open in a browser can send this type to us unasked.
    if (!/^application\/json\b/.test(c.req.header("content-type") ?? ""))
      return c.json({ error: "the content type must be application/json" }, 400);
    return c.json({ ended: await acceptEmpty() });
  });
  app.notFound((c) => c.json({ error: "no such path" }, 404));
  return app;
}

function sameText(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

export class AdminPort {
  readonly #server: Server;

  constructor(app: Hono) {
    // A balancer may ask in HTTP/1.0 and name no host, without which the adapter would answer 400.
    this.#server = createServer(getRequestListener(app.fetch, { hostname: "sluice" }));
  }

  /** @throws SluiceError port_in_use, config_invalid */
  listen(host: string, port: number): Promise<AddressInfo> {
    return listen(this.#server, "admin", host, port);
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}
