/** What prox makes of answers that are missing or wrong, and of a plugin or an upstream that is not there. */
import { describe, expect, it } from "vitest";
import { allow, DENY, OK, startScriptedPlugin } from "./prox-plugin.ts";
import { answer, impatient, proxes, readySetting, setting } from "./prox-setting.ts";
import { passUser } from "./prox-user.ts";

describe.each(proxes)("$name", ({ start }) => {
  it("answers 500 when it gets no answer in time, and the next is right again", async () => {
    const { plugin, prox, web, config } = await readySetting(start);
    await prox.reload(impatient(config));
    plugin.answer = (frame) => (frame.hook === "on_request" ? undefined : allow(frame));
    expect((await web.ask()).status).toBe(500);
    await prox.reload(config);
    plugin.answer = allow;
    expect((await web.ask()).status).toBe(200);
  });

  it("answers 500 when it gets an answer that it can't read, and the next is right again", async () => {
    const { plugin, web } = await readySetting(start);
    const notAsWanted = [
      "00000000",
      "00000001c1",
      answer({ ok: 1 }),
      answer({ ok: true, s: 1.5 }),
      answer("ok"),
      answer({ ok: true, b: "x".repeat(1024 * 1024) }),
    ];
    for (const bad of notAsWanted) {
      plugin.answer = (frame) => (frame.hook === "on_request" ? bad : allow(frame));
      expect((await web.ask()).status).toBe(500);
      plugin.answer = allow;
      expect((await web.ask()).status).toBe(200);
    }
  });

  it.each([-5, 99, 150, 1000])(
    "turns a refusal with status %i into a 200, without upstream's body",
    async (status) => {
      const { plugin, web, upstream } = await readySetting(start);
      plugin.answer = (frame) =>
        frame.hook === "on_request" ? answer({ ok: false, s: status }) : allow(frame);
      expect(await web.ask()).toMatchObject({ status: 200 });
      expect(upstream.seen).toEqual([]);
    },
  );

  it("refuses on an empty map or nil", async () => {
    const { plugin, web } = await readySetting(start);
    for (const empty of [{}, null]) {
      plugin.answer = () => answer(empty);
      expect((await web.ask()).status).toBe(403);
    }
  });

  it("sends a response as it was when the answer about it can't be read, or the connection ends", async () => {
    const { plugin, web } = await readySetting(start);
    plugin.answer = (frame) => (frame.hook === "on_response" ? "00000001c1" : allow(frame));
    expect(await web.ask()).toMatchObject({ status: 200, headers: { "x-up": "yes" } });
    plugin.answer = (frame, run) => {
      if (frame.hook === "on_response") run.order({ close: frame.conn });
      return frame.hook === "on_request" ? OK : undefined;
    };
    expect(await web.ask()).toMatchObject({ status: 200, headers: { "x-up": "yes" } });
  });

  it("asks about its own 502, too", async () => {
    const { plugin, web } = await readySetting(start, {
      change: (config) => ({
        ...config,
        services: {
          ...config.services,
          web: {
            plugins: ["bridge"],
            routes: [{ match: { path: "/*" }, action: { type: "proxy", upstream: "127.0.0.1:1" } }],
          },
        },
      }),
    });
    const run = await plugin.run();
    expect((await web.ask()).status).toBe(502);
    await plugin.until(() => run.of("on_disconnect").length > 0);
    expect(run.of("on_response")[0]?.payload.resp).toEqual({
      s: 502,
      h: { "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff" },
    });
  });

  it("lets everything through while its plugin never was ready", async () => {
    const plugin = await startScriptedPlugin();
    plugin.begin = () => {};
    const { prox, web } = await setting(start, { plugin });
    await plugin.until(() => plugin.runs[0]?.started);
    expect((await web.ask()).status).toBe(200);
    expect(await (await passUser(prox.port("gw"), "a.l4.test")).first).not.toBe("");
  });

  it("lets everything through when its plugin's program is not there", async () => {
    const { web } = await setting(start, {
      change: (config) => ({ ...config, plugins: { bridge: { path: "/nowhere/plugin" } } }),
    });
    expect((await web.ask()).status).toBe(200);
  });

  it("takes an answer to an end for the answer to the next question, and a refusal for a consent", async () => {
    const { plugin, web } = await readySetting(start);
    const run = await plugin.run();
    plugin.answer = (frame) => (frame.hook === "on_disconnect" ? OK : allow(frame));
    await web.ask();
    await plugin.until(() => run.of("on_disconnect").length === 1);
    plugin.answer = (frame) => (frame.hook === "on_request" ? DENY : allow(frame));
    expect((await web.ask()).status).toBe(200);
  });

  it.each([
    ["refused", DENY],
    ["answered with what is no answer", "00000001c1"],
    ["not answered", undefined],
  ])("closes a connection when it is %s", async (_, reply) => {
    const { plugin, prox } = await readySetting(start, reply ? {} : { change: impatient });
    plugin.answer = () => reply;
    expect(await (await passUser(prox.port("gw"), "n.l4.test")).first).toBe("");
  });
});
