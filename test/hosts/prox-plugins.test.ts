/** What prox does with a plugin's process and its socket. */
import { rename } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { lastPluginPid } from "./prox-config.ts";
import { allow, OK, startScriptedPlugin } from "./prox-plugin.ts";
import { proxes, readySetting, setting } from "./prox-setting.ts";
import { askOnce, passUser } from "./prox-user.ts";

const WEB = '{"method":"configure","params":{"route_id":"web:0","match":{"path":"/*"}}}';
const GW = '{"method":"configure","params":{"route_id":"gw:0","match":{"domain":"*.l4.test"}}}';

describe.each(proxes)("$name", ({ start }) => {
  describe("and a plugin's process", () => {
    it("starts it by path without arguments, in its own working directory and environment, alone in a group", async () => {
      const { plugin, prox } = await readySetting(start);
      const { started } = await plugin.run();
      expect(started).toMatchObject({ args: [], cwd: prox.folder, group: started?.pid });
      expect(started?.env.FROM_PROX).toBe("yes");
    });

    it("configures each bound route once, and all of them again on every reload", async () => {
      const { plugin, prox, config } = await readySetting(start);
      const run = await plugin.run();
      await plugin.until(() => run.lines.length === 2);
      expect(run.lines.toSorted()).toEqual([GW, WEB]);
      const web = {
        ...config.services.web,
        routes: [{ ...config.services.web!.routes[0]!, match: { path: "/v2/*" } }],
      };
      await prox.reload({ ...config, services: { ...config.services, web } });
      await plugin.until(() => run.lines.length === 4);
      expect(run.lines.slice(2).toSorted()).toEqual([GW, WEB.replace("/*", "/v2/*")]);
      expect(plugin.runs).toHaveLength(1);
    });

    it("configures a plugin that is started without a route with an empty one", async () => {
      const [plugin, autostarted] = [await startScriptedPlugin(), await startScriptedPlugin()];
      await setting(start, {
        plugin,
        change: (config) => ({
          ...config,
          plugins: { ...config.plugins, alone: { path: autostarted.path, autostart: true } },
        }),
      });
      const run = await autostarted.run();
      await autostarted.until(() => run.lines.length > 0);
      expect(run.lines).toEqual(['{"method":"configure","params":{"route_id":""}}']);
    });

    it("restarts one that died, and asks its socket in vain until it is ready again", async () => {
      const { plugin, prox, web } = await readySetting(start);
      expect((await web.ask()).status).toBe(200);
      const { begin } = plugin;
      plugin.begin = () => {};
      (await plugin.run()).kill();
      await prox.log.saw(/plugin exited, restarting/);
      expect((await web.ask()).status).toBe(500);
      expect(await (await passUser(prox.port("gw"), "a.l4.test")).first).toBe("");
      const again = await plugin.until(() => plugin.runs[1]?.started && plugin.runs[1]);
      begin(again);
      await prox.readied(2);
      expect(again.started?.pid).toBe(lastPluginPid(prox.log));
      await plugin.until(() => again.lines.length === 2);
      expect(again.lines.toSorted()).toEqual([GW, WEB]);
      expect((await web.ask()).status).toBe(200);
      expect(again.of("on_request")).toHaveLength(1);
    });

    it("restarts one that a reload took away, and never configures it", async () => {
      const { plugin, prox, config } = await readySetting(start);
      const other = await startScriptedPlugin();
      await plugin.until(() => plugin.runs[0]?.lines.length === 2);
      await prox.reload({ ...config, plugins: { bridge: { path: other.path } } });
      await plugin.until(() => plugin.runs[0]?.eof && plugin.runs[0].gone);
      const orphan = await plugin.run(2);
      await prox.kill();
      await plugin.until(() => orphan.eof);
      expect(orphan.lines).toEqual([]);
    });

    it("answers 500 when the program is gone at a restart, and does not survive a reload then", async () => {
      const { plugin, prox, config, web } = await readySetting(start);
      await rename(plugin.path, `${plugin.path}.away`);
      (await plugin.run()).kill();
      await prox.log.saw(/plugin restart failed/);
      expect((await web.ask()).status).toBe(500);
      await Promise.allSettled([prox.reload(config)]);
      expect(prox.log.lines.join("\n")).toMatch(/panic: /);
    });

    it("ends the stdin of all when it is stopped, and waits for them", async () => {
      const { plugin, prox } = await readySetting(start);
      plugin.exitsAtEof = false;
      const run = await plugin.run();
      const stopped = prox.stop();
      await plugin.until(() => run.eof);
      expect(run.gone).toBe(false);
      run.order({ exit: 0 });
      await stopped;
      expect(plugin.runs).toHaveLength(1);
    });

    it("answers 500 while it waits for them, and does not survive a connection to pass on", async () => {
      const { plugin, prox } = await readySetting(start);
      plugin.exitsAtEof = false;
      const run = await plugin.run();
      const stopped = prox.stop();
      await plugin.until(() => run.eof);
      expect((await askOnce(prox.port("web"))).status).toBe(500);
      expect(await (await passUser(prox.port("gw"), "a.l4.test")).first).toBe("");
      await prox.log.saw(/panic: /);
      await stopped;
      expect(run.gone).toBe(false);
    });

    it("answers 500 from the reload on that leaves it no plugin, also when they come back", async () => {
      const { plugin, prox, config } = await readySetting(start);
      const { web, gw } = config.services;
      const bare = { web: { ...web!, plugins: [] }, gw: { ...gw!, plugins: [] } };
      await prox.reload({ plugins: {}, services: bare });
      await plugin.until(() => plugin.runs[0]?.eof && plugin.runs[0].gone);
      expect((await askOnce(prox.port("web"))).status).toBe(500);
      await prox.reload(config);
      const again = await plugin.run(2);
      await prox.readied(2);
      expect((await askOnce(prox.port("web"))).status).toBe(500);
      expect(again.frames).toEqual([]);
    });

    it("restarts one that came by a reload even while it stops, and does not survive its ready", async () => {
      const { plugin, prox, config } = await readySetting(start);
      const other = await startScriptedPlugin();
      const plugins = { ...config.plugins, late: { path: other.path } };
      const web = { ...config.services.web!, plugins: ["bridge", "late"] };
      await prox.reload({ ...config, plugins, services: { ...config.services, web } });
      await prox.readied(2);
      await prox.stop();
      expect(prox.log.lines.join("\n")).toMatch(/panic: /);
      expect([plugin.runs.length, other.runs.length]).toEqual([1, 2]);
    });

    it("waits for one that never ends, as long as the test gives", async () => {
      const { plugin, prox } = await readySetting(start);
      plugin.exitsAtEof = false;
      await expect(prox.stop(300)).rejects.toThrow("prox did not end within 300 ms");
    });

    it("reads no more of one that sends a line of 64 KiB, though it runs on", async () => {
      const { plugin, prox } = await readySetting(start);
      const run = await plugin.run();
      const log = (message: string): string =>
        JSON.stringify({ method: "log", params: { level: "info", message } });
      const padding = 64 * 1024 - 1 - log("last ").length;
      run.say(log(`last ${"a".repeat(padding)}`));
      await prox.log.saw(/last a+/);
      run.say(log(`long ${"a".repeat(padding + 1)}`));
      run.say(log("never seen"));
      await prox.log.saw(/plugin stdout closed/);
      run.kill();
      await prox.log.saw(/plugin exited, restarting/);
      expect(prox.log.lines.join("\n")).not.toMatch(/never seen|long a/);
    });
  });

  describe("and its pool", () => {
    it("dials for every question at once, and keeps 16 connections", async () => {
      const { plugin, prox } = await readySetting(start);
      const run = await plugin.run();
      plugin.answer = (frame) => (frame.hook === "on_request" ? undefined : allow(frame));
      const asked = Array.from({ length: 40 }, () => askOnce(prox.port("web")));
      await plugin.until(() => run.of("on_request").length === 40);
      expect(run.opened).toBe(40);
      plugin.answer = allow;
      for (const { conn } of run.of("on_request")) run.order({ answer: OK, conn });
      expect((await Promise.all(asked)).map(({ status }) => status)).toEqual(Array(40).fill(200));
      await plugin.until(() => run.of("on_disconnect").length === 40 && run.open.size === 16);
    });
  });
});
