/** The plugin as a process: what prox starts, talks to, kills and starts again. */
import fs from "node:fs";
import { join } from "node:path";
import { decode } from "@msgpack/msgpack";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { fileSourceId } from "../../src/policy/file.ts";
import { LastKnownGood } from "../../src/policy/last-known-good.ts";
import { frameOf } from "../../src/prox/frames.ts";
import { anyEvent } from "../events/strict.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { freePort } from "../hosts/ports.ts";
import { sharedKafka } from "../hosts/shared.ts";
import { TopicEvents } from "../hosts/topic-events.ts";
import { unique } from "../hosts/unique.ts";
import { makeDir, readAll, recordsOf } from "../journal/harness.ts";
import { judged } from "../ledger/topic-log.ts";
import type { AnyEvent } from "../sessions/world.ts";
import { envelopeOf } from "./asked.ts";
import { PluginProcess, pluginPath } from "./plugin-process.ts";
import { Talk } from "./talk.ts";

const visitor = { r: "web:0", a: "203.0.113.9:50000", d: "web.test", pr: "HTTP/1.1", m: "GET" };
const request = (path: string): Buffer => frameOf(envelopeOf("on_request", { ...visitor, p: path }));
const response = frameOf(envelopeOf("on_response", { req: { ...visitor, p: "/a" }, resp: { s: 200 } }));
const disconnect = frameOf(envelopeOf("on_disconnect", { ...visitor, rx: 0, tx: 1, ms: 2 }));
const connect = (d: string): Buffer =>
  frameOf(envelopeOf("on_connect", { r: "gw:0", a: "203.0.113.9:1", d }));

async function eventsIn(dir: string): Promise<AnyEvent[]> {
  const events = recordsOf(await readAll(dir)).map(({ event }) => JSON.parse(event));
  for (const event of events) expect(anyEvent.safeParse(event).error).toBeUndefined();
  return events;
}

function folderWith(policy: object | string): string {
  const cwd = makeDir();
  fs.writeFileSync(join(cwd, "policy.json"), typeof policy === "string" ? policy : JSON.stringify(policy));
  return cwd;
}

describe("the plugin", () => {
  it("answers all four hooks, keeps an event of each, and ends when stdin does", async () => {
    const cwd = folderWith({ "domain:*.l4.test": "deny not here" });
    const plugin = new PluginProcess({ cwd, routes: ["web:0", "gw:0"] });
    const socket = await plugin.ready();
    const told = JSON.parse(await plugin.logged.saw(/ready for prox/));
    expect(told).toMatchObject({ socket, readyMs: expect.any(Number) });
    await plugin.settled();
    const talk = await Talk.to(socket);
    talk.send(request("/a"), response, disconnect, connect("a.l4.test"), connect("a.test"));
    const answers = (await talk.take(4)).map((answer) => decode(answer));
    expect(answers).toEqual([{ ok: true }, { s: 0 }, { ok: false }, { ok: true }]);
    plugin.configure("web:0");
    await plugin.said.saw(/result/, { from: 3 });
    plugin.child.stdin.end();
    expect(await plugin.ended).toBe(0);
    await talk.ended;
    expect(fs.existsSync(socket)).toBe(false);
    const lines = plugin.said.lines.map((line) => JSON.parse(line));
    expect(lines.filter(({ method }) => method === "ready")).toHaveLength(1);
    expect(lines.filter(({ result }) => result === "ok")).toHaveLength(3);
    expect(lines).toHaveLength(4);
    const events = await eventsIn(join(cwd, "data", "prox-1"));
    const hooks = events.filter(({ op }) => op !== undefined);
    expect(hooks.map(({ type, source }) => [type, source])).toEqual([
      ["sluice.request.allowed", "/prox/prox"],
      ["sluice.response.seen", "/prox/prox"],
      ["sluice.request.completed", "/prox/prox"],
      ["sluice.session.refused", "/prox/prox"],
      ["sluice.session.admitted", "/prox/prox"],
    ]);
    const { id } = hooks[0];
    expect(hooks[1].data.request).toEqual({ id, pairing: "exact" });
    expect(hooks[2].data.request).toEqual({ id, pairing: "exact" });
    const own = events.filter(({ type }) => type.startsWith("sluice.bridge.")).map(({ type }) => type);
    expect(own).toEqual(["sluice.bridge.started", "sluice.bridge.stopped"]);
    expect(events.at(-1)).toMatchObject({ type: "sluice.bridge.stopped", data: { reason: "stdin ended" } });
  });

  it("is ready without a policy, refuses until there is one, and obeys it from then on", async () => {
    const cwd = folderWith("{ no JSON");
    const plugin = new PluginProcess({ cwd });
    const talk = await Talk.to(await plugin.ready());
    talk.send(request("/a"), connect("a.test"), response, disconnect);
    const answers = (await talk.take(3)).map((answer) => decode(answer));
    const body = Buffer.from("policy not available");
    expect(answers).toMatchObject([{ ok: false, s: 403, b: body }, { ok: false }, { s: 0 }]);
    await plugin.logged.saw(/no policy; everything is refused until there is one/);
    fs.writeFileSync(join(cwd, "policy.json"), JSON.stringify({ default: "allow" }));
    await plugin.settled();
    talk.send(request("/b"));
    expect(decode((await talk.take(4))[3]!)).toEqual({ ok: true });
    plugin.child.kill("SIGTERM");
    expect(await plugin.ended).toBe(0);
  });

  it("decides what comes as soon as it is ready by the policy file, and has told of its start before", async () => {
    const cwd = folderWith({ "domain:web.test": "deny not here" });
    const plugin = new PluginProcess({ cwd });
    const talk = await Talk.to(await plugin.ready());
    talk.send(request("/a"));
    const body = Buffer.from("not here");
    expect(decode((await talk.take(1))[0]!)).toMatchObject({ ok: false, b: body });
    const [first, second] = await eventsIn(join(cwd, "data", "prox-1"));
    expect(first).toMatchObject({
      type: "sluice.bridge.started",
      data: { policy: { available: true, rules: 1 } },
    });
    expect(second).toMatchObject({ type: "sluice.request.refused", policyrev: first.data.policy.revision });
  });

  it("frees the speed whose key ended while none ran, as a crash between leaves it", async () => {
    const cwd = folderWith({ "user:a": "allow" });
    const slot = join(cwd, "data", "prox-1");
    fs.mkdirSync(slot, { recursive: true });
    const value = '{"downloadMbps":1}';
    const saved = [
      { key: "prox:speed:web:0", value, endsAtMs: Date.now() - 1, kept: false },
      { key: "prox:targets:web:0", value: '["a:1"]', endsAtMs: Date.now() - 1, kept: false },
    ];
    const source = fileSourceId(join(cwd, "policy.json"));
    const log = { info() {}, warn() {}, error() {} };
    const path = join(slot, "last-known-good.json");
    const before = new LastKnownGood({ path, source, clock: systemClock, log });
    before.keep(() => saved);
    before.confirmed();
    before.changed();
    await before.close();
    const plugin = new PluginProcess({ cwd });
    const told = JSON.parse(await plugin.said.saw(/set_/));
    expect(told).toEqual({
      method: "set_speed",
      params: { route_id: "web:0", download_mbps: 0, upload_mbps: 0 },
    });
  });

  it("that was ready and cannot open its journal ends, and so lets nobody in", async () => {
    const cwd = folderWith({});
    fs.mkdirSync(join(cwd, "data", "prox-1"), { recursive: true });
    fs.writeFileSync(join(cwd, "data", "prox-1", "journal"), "no folder");
    const plugin = new PluginProcess({ cwd });
    const told = await plugin.said.saw(/sluice cannot start/);
    expect(told).toContain("journal");
    await expect(Talk.to(join(cwd, "data", "prox-1", "prox.sock"))).rejects.toThrow("ENOENT");
    plugin.child.kill("SIGTERM");
    expect(await plugin.ended).toBe(1);
    expect(plugin.said.lines.filter((line) => line.includes('"ready"'))).toHaveLength(1);
    expect(plugin.logged.lines.join("\n")).toContain("[data_dir_unusable]");
  });

  it("needs no password for frps's port, on which it never listens", async () => {
    const cwd = folderWith({});
    const plugin = new PluginProcess({ cwd, settings: { "http.host": "0.0.0.0" } });
    await plugin.ready();
    plugin.child.stdin.end();
    expect(await plugin.ended).toBe(0);
    const open = new PluginProcess({ cwd, settings: { "admin.host": "0.0.0.0" } });
    expect(await open.said.saw(/sluice cannot start/)).toContain("set admin.token (SLUICE_ADMIN_TOKEN)");
  });

  it.each(["echo 20", "exit 127"])("lets nobody in without a Node that can run it: %j", async (node) => {
    const folder = makeDir();
    const [program, tools] = [join(folder, "sluice-prox"), join(folder, "tools")];
    fs.copyFileSync(pluginPath, program);
    fs.mkdirSync(tools);
    for (const tool of ["uname", "dirname", "readlink"])
      fs.symlinkSync(
        ["/usr/bin", "/bin"].map((at) => join(at, tool)).find(fs.existsSync)!,
        join(tools, tool),
      );
    // In place of the one that waits.
    fs.writeFileSync(join(tools, "sleep"), "#!/bin/sh\n", { mode: 0o755 });
    fs.writeFileSync(join(tools, "node"), `#!/bin/sh\n${node}\n`, { mode: 0o755 });
    const asked = new PluginProcess({ cwd: folder, program, env: { PATH: tools } });
    expect(await asked.ended).toBe(1);
    expect(asked.logged.lines.join("\n")).toContain("needs Node 24");
    const said = asked.said.lines.map((line) => JSON.parse(line));
    expect(said.map(({ method }) => method)).toEqual(["log", "ready"]);
    expect(said[1].params.hooks).toHaveLength(4);
    const unasked = new PluginProcess({ cwd: folder, program, env: { PATH: tools }, routes: [] });
    unasked.child.stdin.end();
    expect(await unasked.ended).toBe(1);
    expect(unasked.said.lines.join("")).not.toContain('"ready"');
  });

  it("killed while it answers has kept every call that it answered, and is back on the same journal", async () => {
    const cwd = folderWith({});
    const first = new PluginProcess({ cwd });
    const socket = await first.ready();
    const answered: string[] = [];
    const talks = await Promise.all(Array.from({ length: 8 }, () => Talk.to(socket)));
    const asking = talks.map(async (talk, n) => {
      for (let round = 1; ; round++) {
        const path = `/${n}/${round}`;
        talk.send(disconnect, request(path));
        try {
          await talk.take(round);
        } catch {
          return;
        }
        answered.push(path);
        if (answered.length === 400) first.child.kill("SIGKILL");
      }
    });
    await Promise.all(asking);
    expect(await first.ended).toBe("SIGKILL");
    expect(answered.length).toBeGreaterThanOrEqual(400);
    expect(fs.existsSync(socket)).toBe(true);

    const second = new PluginProcess({ cwd });
    expect(await second.ready()).toBe(socket);
    await second.settled();
    const talk = await Talk.to(socket);
    talk.send(request("/again"));
    expect(decode((await talk.take(1))[0]!)).toEqual({ ok: true });
    second.child.stdin.end();
    expect(await second.ended).toBe(0);
    const events = await eventsIn(join(cwd, "data", "prox-1"));
    const kept = new Set(events.flatMap(({ data }) => data.prox?.path ?? []));
    expect([...answered, "/again"].filter((path) => !kept.has(path))).toEqual([]);
    expect(new Set(events.map(({ instance }) => instance)).size).toBe(1);
    expect(new Set(events.map(({ epoch }) => epoch)).size).toBe(2);
  });

  it("runs beside another, each on a journal of its own, also where they share a port for operators", async () => {
    const cwd = folderWith({});
    const port = await freePort();
    const first = new PluginProcess({ cwd, settings: { "admin.port": port } });
    const second = new PluginProcess({ cwd, settings: { "admin.port": port } });
    const sockets = await Promise.all([first.ready(), second.ready()]);
    const folders = sockets.map((socket) => socket.split("/").at(-2)).sort();
    expect(folders).toEqual(["prox-1", "prox-2"]);
    await Promise.race([first, second].map(({ logged }) => logged.saw(/without an admin port/)));
    await Promise.all([first.settled(), second.settled()]);
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(Number(/^sluice_prox_ready_seconds (.*)$/m.exec(metrics)?.[1])).toBeGreaterThan(0);
    for (const socket of sockets) {
      const talk = await Talk.to(socket);
      talk.send(request("/a"));
      expect(decode((await talk.take(1))[0]!)).toEqual({ ok: true });
    }
  });

  it("that cannot start tells prox why, has it ask where nobody answers, and ends, though stdin stays open", async () => {
    const cwd = folderWith({});
    fs.writeFileSync(join(cwd, "data"), "no folder");
    const plugin = new PluginProcess({ cwd });
    await expect(Talk.to(await plugin.ready())).rejects.toThrow("ENOTDIR");
    const [log] = plugin.said.lines.map((line) => JSON.parse(line)).filter(({ method }) => method === "log");
    expect(log.params).toMatchObject({
      level: "error",
      args: ["problem", expect.stringContaining("data.dir")],
    });
    plugin.child.kill("SIGTERM");
    expect(await plugin.ended).toBe(1);
    expect(plugin.logged.lines.join("\n")).toContain("[data_dir_unusable]");
  });

  it("is found through links, in a folder that it does not run in", async () => {
    const cwd = folderWith({});
    const links = makeDir();
    fs.symlinkSync(pluginPath, join(links, "first"));
    fs.symlinkSync("first", join(links, "second"));
    const plugin = new PluginProcess({ cwd, program: join(links, "second") });
    expect(await plugin.ready()).toBe(join(cwd, "data", "prox-1", "prox.sock"));
    expect(fs.readFileSync(`/proc/${plugin.child.pid}/cmdline`, "utf8")).toMatch(
      /node_modules\/node-[^\0]*\0/,
    );
  });

  it("puts warnings and errors into prox's log, and nothing else where it is not asked to", async () => {
    const cwd = folderWith("{ no JSON");
    const plugin = new PluginProcess({ cwd });
    await plugin.ready();
    const line = await plugin.said.saw(/no policy; everything is refused/);
    expect(JSON.parse(line)).toMatchObject({ method: "log", params: { level: "error" } });
    fs.writeFileSync(join(cwd, "policy.json"), "{}");
    await plugin.settled();
    expect(plugin.said.lines.filter((said) => said.includes('"info"'))).toEqual([]);
  });

  it("puts its log into prox's when it is asked to", async () => {
    const cwd = folderWith({});
    const plugin = new PluginProcess({ cwd, settings: { "prox.log": true } });
    await plugin.ready();
    const line = await plugin.said.saw(/policy loaded/);
    expect(JSON.parse(line)).toMatchObject({
      method: "log",
      params: {
        level: "info",
        message: "policy loaded",
        args: ["rules", "0", "revision", expect.anything()],
      },
    });
  });
});

describeWith(["kafka"], "the plugin with Kafka", () => {
  it("forwards its own journal, and what dead processes have left in theirs, each as their own instance", async () => {
    const cwd = folderWith({});
    const dead = [new PluginProcess({ cwd }), new PluginProcess({ cwd })];
    for (const [n, plugin] of dead.entries()) {
      const talk = await Talk.to(await plugin.ready());
      talk.send(request(`/dead-${n}`));
      await talk.take(1);
      await plugin.settled();
    }
    const instances = ["prox-1", "prox-2"].map((slot) =>
      fs.readFileSync(join(cwd, "data", slot, "instance"), "utf8").trim(),
    );
    for (const plugin of dead) plugin.child.kill("SIGKILL");
    await Promise.all(dead.map(({ ended }) => ended));

    const brokers = await sharedKafka();
    const prefix = `${unique("prox")}.`;
    const settings = { "kafka.brokers": brokers.join(","), "kafka.topicPrefix": prefix };
    const plugin = new PluginProcess({ cwd, settings });
    const socket = await plugin.ready();
    expect(socket).toBe(join(cwd, "data", "prox-1", "prox.sock"));
    const talk = await Talk.to(socket);
    talk.send(request("/living"));
    await talk.take(1);
    await plugin.logged.saw(/topics created/);
    await using topics = await TopicEvents.read(brokers, prefix);
    for (const path of ["/dead-0", "/dead-1", "/living"]) {
      await topics.saw(({ data }) => data.prox?.path === path, path);
    }
    const stopped = await topics.saw(
      ({ type, data }) => type === "sluice.bridge.stopped" && data.reason === `forwarded by ${instances[0]}`,
    );
    expect(stopped.event.instance).toBe(instances[1]);
    plugin.child.stdin.end();
    expect(await plugin.ended).toBe(0);
    await topics.saw(({ data }) => data.reason === "stdin ended");
    expect(new Set(topics.events.map(({ event }) => event.instance))).toEqual(new Set(instances));
    const requests = topics.distinct.filter(({ topic }) => topic === `${prefix}http-requests`);
    expect(requests.map(({ key }) => key)).toEqual(Array(3).fill("web:0 203.0.113.9"));
    expect(judged(topics.events).ok).toBe(true);
  });
});
