/** What prox asks a plugin, and what it makes of answers that are as they should be. */
import { describe, expect, it } from "vitest";
import { allow, DENY, startScriptedPlugin } from "./prox-plugin.ts";
import { answer, bridged, proxes, readySetting, startUpstream } from "./prox-setting.ts";
import { askOnce, passUser } from "./prox-user.ts";

describe.each(proxes)("$name", ({ start }) => {
  describe("and a request", () => {
    it("asks before it and about its response, tells its end, and expects no answer to that", async () => {
      const { plugin, web } = await readySetting(start);
      const run = await plugin.run();
      const body = "some words";
      const path = "/a%20b/c?x=1&y=%20";
      for (let turn = 1; turn <= 3; turn += 1) {
        await web.ask({
          method: "POST",
          path,
          headers: ["content-length", "10", "x-many", "a", "x-many", "b"],
          body,
        });
        await plugin.until(() => run.of("on_disconnect").length === turn);
      }
      const request = {
        r: "web:0",
        m: "POST",
        p: "/a b/c",
        q: "x=1&y=%20",
        d: "web.test",
        ho: "web.test",
        pr: "HTTP/1.1",
        a: web.address,
        cl: 10,
        bd: Buffer.from(body),
        mp: "/*",
        h: { "Content-Length": "10", "X-Many": "a", Connection: "keep-alive" },
      };
      expect(run.of("on_request")[2]?.payload).toEqual(request);
      const resp = { s: 200, h: { "X-Up": "yes", "Content-Length": "8" } };
      expect(run.of("on_response")[2]?.payload).toEqual({ req: request, resp });
      const end = { r: "web:0", a: web.address, rx: 10, tx: 8, ms: expect.any(Number) };
      expect(run.of("on_disconnect")[2]?.payload).toEqual(end);
      expect(run.frames.map(({ hook }) => hook)).toEqual(
        [...Array(3)].flatMap(() => ["on_request", "on_response", "on_disconnect"]),
      );
    });

    it("answers what is refused with status, body and headers, and tells nothing of its end", async () => {
      const { plugin, web, upstream } = await readySetting(start);
      const run = await plugin.run();
      plugin.answer = () => answer({ ok: false, s: 451, b: "not here", h: { "x-reason": "law" } });
      const refused = await web.ask();
      expect(refused).toMatchObject({
        status: 451,
        headers: { "x-reason": "law", "content-type": "text/plain; charset=utf-8" },
      });
      expect(refused.body.toString()).toBe("not here\n");
      plugin.answer = () => DENY;
      expect((await web.ask()).status).toBe(403);
      plugin.answer = allow;
      await web.ask();
      await plugin.until(() => run.of("on_disconnect").length > 0);
      expect(run.frames.map(({ hook }) => hook)).toEqual([
        "on_request",
        "on_request",
        "on_request",
        "on_response",
        "on_disconnect",
      ]);
      expect(upstream.seen).toHaveLength(1);
    });

    it("ends the connection of what is dropped without an answer", async () => {
      const { plugin, web } = await readySetting(start);
      plugin.answer = () => answer({ ok: false, dr: true });
      await expect(web.ask()).rejects.toThrow(/socket hang up|ECONNRESET/);
      plugin.answer = (frame) =>
        frame.hook === "on_request" ? answer({ ok: true, dr: true, fb: true }) : allow(frame);
      expect((await web.ask()).status).toBe(200);
    });

    it("sends what falls back to the other action", async () => {
      const other = await startUpstream("the other");
      const { plugin, web, upstream } = await readySetting(start, {
        change: (config) => ({
          ...config,
          actions: {
            first: {
              ...(config.services.web!.routes[0]!.action as { type: "proxy"; upstream: string }),
              fallback: "second",
            },
            second: { type: "proxy", upstream: other.address },
          },
          services: {
            ...config.services,
            web: { plugins: ["bridge"], routes: [{ match: { path: "/*" }, action: "first" }] },
          },
        }),
      });
      plugin.answer = (frame) =>
        frame.hook === "on_request" ? answer({ ok: false, fb: true }) : allow(frame);
      expect((await web.ask()).body.toString()).toBe("the other");
      expect(upstream.seen).toEqual([]);
    });

    it("changes path, query and headers on the way to upstream", async () => {
      const { plugin, web, upstream } = await readySetting(start);
      plugin.answer = (frame) =>
        frame.hook === "on_request"
          ? answer({
              ok: true,
              rp: "/new path?",
              cq: true,
              h: { "x-user": "alice", "x-role": "none" },
              extra: [1],
            })
          : allow(frame);
      await web.ask({ path: "/old?token=secret", headers: ["X-Role", "admin"] });
      expect(upstream.seen[0]).toMatchObject({
        url: "/new%20path%3F",
        headers: { "x-user": "alice", "x-role": "none" },
      });
    });

    it("asks its plugins in turn: the first refusal ends it, and of what they change the last counts", async () => {
      const second = await startScriptedPlugin();
      const { plugin, prox, web, upstream } = await readySetting(start, {
        change: (config) => ({
          plugins: { ...config.plugins, second: { path: second.path } },
          services: { ...config.services, web: { ...config.services.web!, plugins: ["bridge", "second"] } },
        }),
      });
      await prox.readied(2);
      const changed = (rp: string, headers: object): string => answer({ ok: true, rp, h: headers });
      plugin.answer = () => changed("/one", { "x-one": "1", "x-both": "1" });
      second.answer = () => changed("/two", { "x-both": "2" });
      await web.ask({ path: "/was" });
      expect(upstream.seen[0]).toMatchObject({ url: "/two", headers: { "x-one": "1", "x-both": "2" } });
      expect((await second.run()).of("on_request")[0]?.payload).toMatchObject({ p: "/was" });
      plugin.answer = () => DENY;
      expect((await web.ask()).status).toBe(403);
      expect((await second.run()).of("on_request")).toHaveLength(1);
    });

    it("counts nothing that it sends with a log of level warn", async () => {
      const [plugin, upstream] = [await startScriptedPlugin(), await startUpstream()];
      const config = bridged(plugin.path, upstream.address, "127.0.0.1:1");
      const prox = await start({ config, logLevel: "warn" });
      const run = await plugin.run();
      while (run.of("on_disconnect").length === 0) await askOnce(prox.port("web"));
      expect(run.of("on_disconnect")[0]?.payload).toMatchObject({ tx: 0 });
    });

    it("changes status and headers of a response", async () => {
      const { plugin, web } = await readySetting(start);
      plugin.answer = (frame) =>
        frame.hook === "on_response" ? answer({ s: 404, h: { "x-new": "1" }, rm: ["x-up"] }) : allow(frame);
      const changed = await web.ask();
      expect(changed).toMatchObject({ status: 404, headers: { "x-new": "1" } });
      expect(changed.headers["x-up"]).toBeUndefined();
    });

    it("gives a plugin the first 64 KiB of a body, and upstream all of it", async () => {
      const { plugin, web, upstream } = await readySetting(start);
      const run = await plugin.run();
      const body = "b".repeat(200_000);
      await web.ask({ method: "PUT", headers: ["Content-Length", "200000"], body });
      await plugin.until(() => run.of("on_disconnect").length > 0);
      expect(run.of("on_request")[0]?.payload).toMatchObject({ cl: 200_000, bd: { length: 64 * 1024 } });
      expect(run.of("on_disconnect")[0]?.payload).toMatchObject({ rx: 200_000 });
      expect(upstream.seen[0]?.body).toBe(body);
    });
  });

  describe("and a connection that it passes on", () => {
    it("asks before it, passes bytes on, and tells nothing of its end", async () => {
      const { plugin, prox, web } = await readySetting(start);
      const run = await plugin.run();
      const user = await passUser(prox.port("gw"), "n.l4.test");
      expect(await user.first).not.toBe("");
      user.close();
      await web.ask();
      await plugin.until(() => run.of("on_disconnect").length === 1);
      expect(run.frames.map(({ hook }) => hook)).toEqual([
        "on_connect",
        "on_request",
        "on_response",
        "on_disconnect",
      ]);
      expect(run.frames[0]?.payload).toEqual({ r: "gw:0", d: "n.l4.test", a: user.address, md: "n" });
    });
  });
});
