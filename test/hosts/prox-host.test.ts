/** What only the host in prox's shape can show of prox's rules, and that it writes the recorded lines. */
import { readFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "./folder.ts";
import { Caller } from "./prox-caller.ts";
import { disconnectFrame } from "./prox-frame.ts";
import { Hooks } from "./prox-hooks.ts";
import { startProxHost } from "./prox-host.ts";
import { startScriptedPlugin } from "./prox-plugin.ts";
import { routesOf } from "./prox-routes.ts";
import { bridged, pushed } from "./prox-setting.ts";

const fixtures = new URL("../fixtures/prox/", import.meta.url);

describe("what is shaped like prox", () => {
  it.each(["stdio.start-stop.json", "stdio.reload.json"])("writes the recorded lines of %s", async (file) => {
    const wanted: { dir: string; line?: string; eof?: boolean }[] = JSON.parse(
      readFileSync(new URL(file, fixtures), "utf8"),
    ).lines;
    const lines = wanted.flatMap(({ dir, line }) => (dir === "prox->plugin" && line ? [line] : []));
    const plugin = await startScriptedPlugin();
    const config = bridged(plugin.path, "127.0.0.1:1", "127.0.0.1:1");
    const prox = await startProxHost({ config });
    const run = await plugin.run();
    for (let at = 0; at < lines.length; at += 2) {
      const batch = lines.slice(at, at + 2);
      const path = batch.join().match(/"path":"([^"]+)"/)?.[1] ?? "";
      if (at > 0) await prox.reload(bridged(plugin.path, "127.0.0.1:1", "127.0.0.1:1", path));
      await plugin.until(() => run.lines.length === at + 2);
      expect(run.lines.slice(at).toSorted()).toEqual(batch.toSorted());
    }
    await prox.stop();
    expect(run.eof).toBe(true);
    expect(prox.faults).toEqual([]);
  });

  it("records a second ready of one life, and none of the next life's", async () => {
    const plugin = await startScriptedPlugin();
    const config = bridged(plugin.path, "127.0.0.1:1", "127.0.0.1:1");
    const prox = await startProxHost({ config, restartDelayMs: 1 });
    await prox.readied();
    (await plugin.run()).kill();
    const run = await plugin.run(2);
    await prox.readied(2);
    expect(prox.faults).toEqual([]);
    run.ready();
    await prox.readied(3);
    expect(prox.faults).toEqual(["bridge said ready twice in one life"]);
  });

  it("waits twice as long before each restart, up to 16 times, while a plugin sends nothing", async () => {
    const plugin = await startScriptedPlugin();
    plugin.begin = (run) => run.order({ exit: 1 });
    const config = bridged(plugin.path, "127.0.0.1:1", "127.0.0.1:1");
    const prox = await startProxHost({ config, restartDelayMs: 2 });
    await prox.log.saw(/attempt=7/);
    const delays = prox.log.lines.flatMap((line) => /delay=(\d+)ms/.exec(line)?.[1] ?? []);
    expect(delays).toEqual(["2", "4", "8", "16", "32", "32", "32"]);
  });

  it("takes 32 messages that come at once, and says of each further one that it dropped it", async () => {
    const plugin = await startScriptedPlugin();
    const prox = await startProxHost({ config: bridged(plugin.path, "127.0.0.1:1", "127.0.0.1:1") });
    const run = await plugin.run();
    await prox.readied();
    const log = `${JSON.stringify({ method: "log", params: { level: "info", message: "burst" } })}\n`;
    run.order({ write: log.repeat(40) });
    await prox.log.saw(/burst/);
    await pushed(run, prox);
    expect(prox.log.lines.filter((line) => /INFO burst/.test(line))).toHaveLength(32);
    expect(prox.log.lines.filter((line) => /push buffer full/.test(line))).toHaveLength(8);
  });

  it("holds 256 ends of requests beside the one it sends, and drops the next without a word", async () => {
    const folder = await temporaryFolder("prox-queue");
    const path = join(folder.path, "queue.sock");
    const { promise: enough, resolve } = Promise.withResolvers<void>();
    let bytes = 0;
    const end = {
      route: "web:0",
      target: "",
      remote: "127.0.0.1:1",
      receivedBytes: 0,
      sentBytes: 0,
      durationMs: 0,
    };
    const frameBytes = 4 + disconnectFrame(end).length;
    const server = createServer((socket: Socket) => {
      socket.on("data", (chunk) => {
        bytes += chunk.length;
        if (bytes >= 257 * frameBytes) resolve();
      });
    });
    await new Promise<void>((listening) => server.listen(path, listening));
    const caller = new Caller(path);
    const hooks = new Hooks({ callers: () => [caller], order: (entries) => entries, crash() {} });
    const [route] = routesOf(bridged("plugin", "127.0.0.1:1", "127.0.0.1:1"), folder.path);
    for (let count = 0; count < 300; count += 1) hooks.disconnect(route!, end);
    expect(hooks.dropped).toBe(300 - 257);
    await enough;
    expect(bytes).toBe(257 * frameBytes);
    caller.close();
    server.close();
    await folder.remove();
  });
});
