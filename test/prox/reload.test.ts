/** What a reload of prox does to the plugin while requests run. */
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { sawTimes } from "../hosts/prox-config.ts";
import { proxes } from "../hosts/prox-setting.ts";
import { ProxLoad } from "./load.ts";
import { startLoaded } from "./loaded.ts";
import { pluginPath } from "./plugin-process.ts";
import {
  allStopped,
  endsCame,
  eventsIn,
  expectPairedOnce,
  expectRuled,
  expectToldOnce,
  ofHook,
} from "./told.ts";

vi.setConfig({ testTimeout: 60_000 });

describe.each(proxes)("under $name", ({ start }) => {
  it("a reload that keeps the plugin changes no answer, and loses no event", async () => {
    const { prox, dir, configOf } = await startLoaded(start);
    const load = new ProxLoad(prox, { connections: 16 });
    for (let reloads = 0; reloads < 4; reloads++) {
      await load.more(100);
      await prox.reload(configOf(pluginPath));
    }
    await load.more(100);
    await load.stop();
    await prox.stop();
    expectRuled(load);
    const events = await eventsIn(dir);
    expectToldOnce(events, [load]);
    expectPairedOnce(events);
    expect(ofHook(events, "on_response")).toHaveLength(load.allowed.length);
    expect(new Set(events.map(({ epoch }) => epoch)).size).toBe(1);
  });

  it("a reload that puts another plugin in its place loses nothing that either answered; the old one never says ready again", async () => {
    const { prox, dir, configOf } = await startLoaded(start);
    const other = join(dir, "another-version");
    symlinkSync(pluginPath, other);
    const before = new ProxLoad(prox, { connections: 16, count: 300 });
    await before.done();
    await endsCame(join(dir, "prox-1"), before);
    // prox (0.35.1) itself does not survive a question that meets this.
    await prox.reload(configOf(other));
    await prox.readied(2);
    const load = new ProxLoad(prox, { connections: 16, first: 1_001 });
    await load.more(200);
    // prox starts the one that was taken away once more, and crashes if that says ready.
    await sawTimes(prox.log, /answers prox/, 3);
    await load.more(200);
    await load.stop();
    expect(prox.log.lines.filter((line) => /plugin ready|panic/.test(line))).toHaveLength(2);
    await prox.kill();
    for (const one of [before, load]) expectRuled(one);
    const events = await allStopped(dir, 3);
    expectToldOnce(events, [before, load]);
    expectPairedOnce(events);
  });
});
