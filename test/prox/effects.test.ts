/** What rules change, as users and what is behind prox see it: the real plugin, under either prox. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { anyEvent } from "../events/strict.ts";
import { eventually } from "../eventually.ts";
import { startBackend } from "../hosts/backend.ts";
import { describeWith } from "../hosts/describe-with.ts";
import type { Prox, ProxConfig } from "../hosts/prox-config.ts";
import { proxes, type Start, startUpstream, type Upstream } from "../hosts/prox-setting.ts";
import { type Answered, type Asked, askOnce, passUser } from "../hosts/prox-user.ts";
import { sharedRedis } from "../hosts/shared.ts";
import { unique } from "../hosts/unique.ts";
import { makeDir, readAll, recordsOf } from "../journal/harness.ts";
import type { AnyEvent } from "../sessions/world.ts";
import { pluginPath } from "./plugin-process.ts";

interface Site {
  readonly prox: Prox;
  readonly upstream: Upstream;
  /** What the route falls back to. */
  readonly fallback: Upstream;
  ask(host: string, asked?: Asked): Promise<Answered>;
  /** Ends prox, and gives what its plugin published. */
  events(): Promise<AnyEvent[]>;
}

async function site(start: Start, env: NodeJS.ProcessEnv): Promise<Site> {
  const dir = makeDir();
  const [upstream, fallback, { echoPort }] = [
    await startUpstream(),
    await startUpstream("fallback"),
    await startBackend(),
  ];
  const plugins = ["bridge"];
  const config: ProxConfig = {
    plugins: { bridge: { path: pluginPath } },
    actions: {
      first: { type: "proxy", upstream: upstream.address, fallback: "second" },
      second: { type: "proxy", upstream: fallback.address },
    },
    services: {
      web: { plugins, routes: [{ match: { path: "/*" }, action: "first" }] },
      gw: {
        tls: true,
        plugins,
        routes: [
          { match: { domain: "*.l4.test" }, action: { type: "pass", upstream: `127.0.0.1:${echoPort}` } },
        ],
      },
    },
  };
  const common = { SLUICE_DATA_DIR: dir, SLUICE_ADMIN_PORT: "0", SLUICE_PROX_LOG: "true" };
  const prox = await start({ config, env: { ...common, ...env } });
  await prox.log.saw(/answers prox/);
  return {
    prox,
    upstream,
    fallback,
    ask: (host, asked = {}) => askOnce(prox.port("web"), { host, ...asked }),
    async events() {
      await prox.stop();
      const all = recordsOf(await readAll(join(dir, "prox-1"))).map(({ event }) => JSON.parse(event));
      for (const event of all) expect(anyEvent.safeParse(event).error).toBeUndefined();
      return all;
    },
  };
}

function policyFile(rules: Readonly<Record<string, unknown>>): NodeJS.ProcessEnv {
  const file = join(makeDir(), "policy.json");
  writeFileSync(file, JSON.stringify(rules));
  return { SLUICE_POLICY_FILE: file };
}

const onRequest = (on_request: object, rule: object = {}): object => ({ ...rule, prox: { on_request } });
const deny = { effect: "deny", reason: "kept out" };
const bytes = 400_000;
/** Of them by 8 Mbit/s, less what a bucket begins with. */
const heldMs = 336;

const rules = {
  "domain:closed.test": onRequest(
    { status: 503, body: "back at noon", headers: { "retry-after": "600" } },
    deny,
  ),
  "domain:plain.test": onRequest({ headers: { "x-why": "policy" } }, deny),
  "domain:moved.test": onRequest({ status: 302, headers: { location: "https://new.test/" } }, deny),
  "domain:dropped.test": onRequest({ drop: true }, deny),
  "domain:fallback.test": onRequest(
    { fallback: true, rewritePath: "/sorry", requestHeaders: { "x-from": "closed.test" } },
    deny,
  ),
  "domain:ended.test": onRequest({ status: 410 }, { effect: "allow", expiresAt: "2020-01-01T00:00:00Z" }),
  "domain:inside.test": onRequest(
    { rewritePath: "/in side/é", cleanQuery: true, requestHeaders: { authorization: "Bearer s3cret" } },
    { visitorFrom: ["127.0.0.1"] },
  ),
  "domain:dressed.test": {
    prox: {
      on_request: { webSocket: false },
      on_response: { status: 203, headers: { "x-frame-options": "DENY" }, remove: ["x-up"] },
    },
  },
  "domain:slow.test": onRequest({ speed: { download: 8 } }),
  "route:web:0": { prox: { on_request: { requestHeaders: { "x-route": "web" } } } },
  "domain:no.l4.test": onRequest({ status: 404 }, deny),
};

describe.each(proxes)("under $name", ({ start }) => {
  it("a rule says how it refuses, and what it changes in requests and responses that pass", async () => {
    const { ask, upstream, fallback, prox, events } = await site(start, policyFile(rules));

    const closed = await ask("closed.test");
    expect([closed.status, String(closed.body), closed.headers["retry-after"]]).toEqual([
      503,
      "back at noon\n",
      "600",
    ]);
    const plain = await ask("plain.test");
    expect([plain.status, String(plain.body), plain.headers["x-why"]]).toEqual([403, "kept out\n", "policy"]);
    expect(plain.headers["cache-control"]).toBe("no-store");
    const moved = await ask("moved.test");
    expect([moved.status, moved.headers.location]).toEqual([302, "https://new.test/"]);
    await expect(ask("dropped.test")).rejects.toThrow(/hang up|ECONNRESET/);
    const ended = await ask("ended.test");
    expect([ended.status, String(ended.body)]).toEqual([410, "access ended\n"]);
    expect(upstream.seen).toEqual([]);

    const sent = await ask("fallback.test", { path: "/a?b=c" });
    expect([sent.status, String(sent.body)]).toEqual([200, "fallback"]);
    expect(fallback.seen).toMatchObject([{ url: "/sorry?b=c", headers: { "x-from": "closed.test" } }]);
    expect(upstream.seen).toEqual([]);

    expect((await ask("inside.test", { path: "/out?token=x" })).status).toBe(200);
    const [inside] = upstream.seen;
    expect(inside).toMatchObject({
      url: "/in%20side/%C3%A9",
      headers: { authorization: "Bearer s3cret", "x-route": "web" },
    });
    expect(fallback.seen).toHaveLength(1);

    const dressed = await ask("dressed.test");
    expect([dressed.status, dressed.headers["x-frame-options"], dressed.headers["x-up"]]).toEqual([
      203,
      "DENY",
      undefined,
    ]);
    expect(String(dressed.body)).toBe("upstream");
    const headers = ["Connection", "Upgrade", "Upgrade", "websocket"];
    expect((await ask("dressed.test", { headers })).headers["x-up"]).toBe(undefined);
    expect((await ask("other.test", { headers })).headers["x-up"]).toBe("yes");
    expect((await ask("other.test")).headers["x-up"]).toBe("yes");

    for (const lines of [["X-Route, Close"], ["keep-alive", "x-route"]]) {
      await ask("other.test", { headers: lines.flatMap((line) => ["Connection", line]) });
      expect(upstream.seen.at(-1)?.headers).toMatchObject({ "x-route": "web" });
    }

    for (const domain of ["yes.l4.test", "no.l4.test"]) {
      const user = await passUser(prox.port("gw"), domain);
      expect((await user.first) !== "").toBe(domain === "yes.l4.test");
      user.close();
    }

    const all = await events();
    const of = (domain: string, op = "on_request"): AnyEvent =>
      all.find((event) => event.op === op && event.data.prox.domain === domain)!;
    expect(of("closed.test").data).toMatchObject({
      decision: { effect: "refused", rule: "domain:closed.test", reason: "kept out" },
      rewrite: {
        status: { from: null, to: 503 },
        body: { from: null, to: { length: 12, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) } },
        headers: { from: null, to: { "Retry-After": "600" } },
      },
    });
    expect(of("dropped.test").data.rewrite).toEqual({ drop: { from: null, to: true } });
    expect(of("inside.test").data).toMatchObject({
      decision: { effect: "allowed" },
      rewrite: {
        rewritePath: { from: "/out", to: "/in side/é" },
        requestHeaders: { to: { Authorization: "***", "X-Route": "web" } },
      },
    });
    expect(of("dressed.test", "on_response").data).toMatchObject({
      decision: { effect: "recorded" },
      rewrite: { status: { from: 200, to: 203 }, remove: { from: null, to: ["X-Up"] } },
    });
    const toFallback = of("fallback.test");
    expect(toFallback.type).toBe("sluice.request.refused");
    expect(of("fallback.test", "on_response").data.request).toEqual({ id: toFallback.id, pairing: "exact" });
    expect(of("other.test", "on_response").data.rewrite).toBeNull();
    expect(JSON.stringify(all)).not.toMatch(/s3cret|back at noon/);
  });

  it("a speed holds a download back, and no other one", async () => {
    const { ask } = await site(start, policyFile(rules));
    const timed = async (host: string): Promise<number> => {
      const startedMs = performance.now();
      const { body } = await ask(host, { path: `/size/${bytes}` });
      expect(body.length).toBe(bytes);
      return performance.now() - startedMs;
    };
    // A free one takes a few milliseconds, where nothing else goes on.
    await eventually(async () => expect(await timed("free.test")).toBeLessThan(0.9 * heldMs));
    expect(await timed("slow.test")).toBeGreaterThan(0.95 * heldMs);
  });
});

describeWith(["redis"], "with the rules in Redis", () => {
  it.each(proxes)(
    "a write changes the next request, and its removal the one after: $name",
    async ({ start }) => {
      const [url, prefix] = [await sharedRedis(), `${unique("effects")}:`];
      const redis = new Redis(url);
      try {
        const key = `${prefix}policy:route:web:0`;
        const { ask, upstream } = await site(start, { SLUICE_REDIS_URL: url, SLUICE_REDIS_PREFIX: prefix });
        expect((await ask("a.test")).status).toBe(200);
        const until = async (status: number): Promise<Answered> => {
          for (;;) {
            const answered = await ask("a.test");
            if (answered.status === status) return answered;
          }
        };
        await redis.set(key, JSON.stringify(onRequest({ status: 404, body: "nothing here" }, deny)));
        expect(String((await until(404)).body)).toBe("nothing here\n");
        await redis.set(key, JSON.stringify(onRequest({ rewritePath: "/new" })));
        await until(200);
        expect(upstream.seen.at(-1)?.url).toBe("/new");
        await redis.del(key);
        for (; upstream.seen.at(-1)?.url !== "/"; ) await ask("a.test");
      } finally {
        redis.disconnect();
      }
    },
  );
});
