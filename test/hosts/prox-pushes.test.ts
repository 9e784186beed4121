/** What prox does with what a plugin pushes, and with the speeds that answers give. */
import { describe, expect, it } from "vitest";
import type { ProxConfig } from "./prox-config.ts";
import { allow } from "./prox-plugin.ts";
import { answer, proxes, pushed, readySetting, startUpstream } from "./prox-setting.ts";
import { WebUser } from "./prox-user.ts";

describe.each(proxes)("$name", ({ start }) => {
  describe("and what a plugin pushes", () => {
    const balanced =
      (targets: string[], domain?: string) =>
      (config: ProxConfig): ProxConfig => ({
        ...config,
        services: {
          ...config.services,
          web: {
            plugins: ["bridge"],
            routes: [
              {
                match: { path: "/*", ...(domain ? { domain } : {}) },
                balancer: { type: "roundrobin", targets },
                action: { type: "proxy", upstream: "{target}" },
              },
            ],
          },
        },
      });

    it.each([{ route_id: "web:0" }, { route_id: "*" }, { action: "_inline_web_0" }])(
      "moves traffic of %j to new targets, until a reload",
      async (where) => {
        const [one, other] = [await startUpstream("one"), await startUpstream("other")];
        const { plugin, prox, web, config } = await readySetting(start, { change: balanced([one.address]) });
        const run = await plugin.run();
        expect((await web.ask()).body.toString()).toBe("one");
        run.say({ method: "set_targets", params: { ...where, targets: [other.address] } });
        await pushed(run, prox);
        expect((await web.ask()).body.toString()).toBe("other");
        expect(run.of("on_request").map(({ payload }) => payload.tg)).toEqual([one.address, other.address]);
        await prox.reload(config);
        expect((await web.ask()).body.toString()).toBe("one");
      },
    );

    it("moves traffic by the first label that matched to the targets of its group", async () => {
      const [one, other] = [await startUpstream("one"), await startUpstream("other")];
      const { plugin, prox, web } = await readySetting(start, {
        change: (config) => balanced([one.address], "*.web.test")(config),
      });
      const run = await plugin.run();
      expect((await web.ask({ host: "b.web.test" })).body.toString()).toBe("one");
      run.say({ method: "set_targets", params: { route_id: "web:0", groups: { b: [other.address] } } });
      await pushed(run, prox);
      expect((await web.ask({ host: "b.web.test" })).body.toString()).toBe("other");
      expect((await web.ask({ host: "a.web.test" })).status).toBe(502);
    });

    it("slows what is downloaded", async () => {
      const { plugin, prox, web } = await readySetting(start);
      const run = await plugin.run();
      run.say({ method: "set_speed", params: { route_id: "web:0", download_mbps: 4 } });
      await pushed(run, prox);
      expect(await leastMs(web, 264 * 1024)).toBeGreaterThan(390);
    });

    it("slows what an answer slows, and what shares its key", async () => {
      const { plugin, prox, web } = await readySetting(start);
      const run = await plugin.run();
      plugin.answer = (frame) => (frame.hook === "on_request" ? undefined : allow(frame));
      const other = new WebUser(prox.port("web"));
      const both = [leastMs(web, 132 * 1024), leastMs(other, 132 * 1024)];
      await plugin.until(() => run.of("on_request").length === 2);
      const slowed = answer({ ok: true, sp: { dl: 4, gk: "alice" } });
      for (const { conn } of run.frames) run.order({ answer: slowed, conn });
      expect(Math.max(...(await Promise.all(both)))).toBeGreaterThan(390);
      other.close();
    });
  });
});

/** How long a download of that many bytes takes; beyond the first 64 KiB a limit can't let it take less. */
async function leastMs(web: WebUser, bytes: number): Promise<number> {
  const from = performance.now();
  expect((await web.ask({ path: `/size/${bytes}` })).body).toHaveLength(bytes);
  return performance.now() - from;
}
