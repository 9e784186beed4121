/** The plugin's end under load, by whichever way it comes. */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { join } from "node:path";
import { decode } from "@msgpack/msgpack";
import { describe, expect, it } from "vitest";
import { frameOf } from "../../src/prox/frames.ts";
import { makeDir, readAll, recordsOf } from "../journal/harness.ts";
import { envelopeOf } from "./asked.ts";
import { PluginProcess } from "./plugin-process.ts";
import { Talk } from "./talk.ts";
import { eventsIn, ofHook } from "./told.ts";

const connections = 16;
const atOnce = 5;
/** Asked by each before the end comes. */
const before = 20;

class Asking {
  readonly talk: Talk;
  readonly sent: string[] = [];
  readonly #name: string;
  /** Resolves when the other side has ended it, with the paths that were answered. */
  readonly done: Promise<readonly string[]>;
  readonly #warm = Promise.withResolvers<void>();

  constructor(talk: Talk, name: string) {
    this.talk = talk;
    this.#name = name;
    this.done = this.#ask();
  }

  warm(): Promise<void> {
    return this.#warm.promise;
  }

  async #ask(): Promise<readonly string[]> {
    for (;;) {
      const paths = Array.from({ length: atOnce }, (_, n) => `/${this.#name}/${this.sent.length + n}`);
      this.sent.push(...paths);
      this.talk.send(...paths.map(frameFor));
      try {
        await this.talk.take(this.sent.length);
      } catch {
        return this.sent.slice(0, this.talk.answers.length);
      }
      if (this.sent.length >= before) this.#warm.resolve();
    }
  }
}

function frameFor(path: string): Buffer {
  return frameOf(
    envelopeOf("on_request", { r: "web:0", a: "203.0.113.9:1", m: "GET", p: path, d: "web.test" }),
  );
}

const ways: [string, string, (plugin: PluginProcess) => void, string[]][] = [
  ["the end of stdin", "stdin ended", ({ child }) => child.stdin.end(), ["web:0"]],
  ["SIGTERM", "SIGTERM", ({ child }) => child.kill("SIGTERM"), ["web:0"]],
  ["the end of prox that had forgotten it", "stdin ended", ({ child }) => child.stdin.destroy(), []],
];

describe("a plugin that is asked under load to end", () => {
  it.each(ways)(
    "by %s answers what has come whole, keeps it, and closes its journal as its last word",
    async (_way, reason, end, routes) => {
      const cwd = makeDir();
      const plugin = new PluginProcess({ cwd, routes });
      await plugin.settled();
      const socket = join(cwd, "data", "prox-1", "prox.sock");
      const asking = await Promise.all(
        Array.from({ length: connections }, async (_, n) => new Asking(await Talk.to(socket), `c${n}`)),
      );
      await Promise.all(asking.map((one) => one.warm()));
      end(plugin);
      const answered = (await Promise.all(asking.map(({ done }) => done))).flat();
      expect(await plugin.ended).toBe(0);
      for (const { talk } of asking) {
        expect(talk.answers.every((answer) => (decode(answer) as { ok: boolean }).ok)).toBe(true);
      }
      const events = await eventsIn(join(cwd, "data"));
      const kept = ofHook(events, "on_request").map(({ data }) => data.prox.path);
      // What was read was answered, and the other way round: nobody is in doubt.
      expect(kept.sort()).toEqual([...answered].sort());
      expect(answered.length).toBeGreaterThanOrEqual(connections * before);
      const items = await readAll(join(cwd, "data", "prox-1"));
      expect(items).toHaveLength(recordsOf(items).length);
      expect(events.at(-1)).toMatchObject({ type: "sluice.bridge.stopped", data: { reason } });
      expect(plugin.said.lines.filter((line) => /"ready"/.test(line))).toHaveLength(routes.length);
    },
  );

  it("ends also where a file never answers, be it while the plugin begins or later", async () => {
    // A pipe that nobody writes to is like a disk that hangs: opening it comes to no end.
    const hanging = ["data/prox-1/last-known-good.json", "policy.json"];
    const plugins = await Promise.all(
      hanging.map(async (file) => {
        const cwd = makeDir();
        fs.mkdirSync(join(cwd, "data", "prox-1"), { recursive: true });
        execFileSync("mkfifo", [join(cwd, file)]);
        const plugin = new PluginProcess({ cwd });
        await plugin.ready();
        return plugin;
      }),
    );
    for (const { child } of plugins) child.stdin.end();
    expect(await Promise.all(plugins.map(({ ended }) => ended))).toEqual(["SIGKILL", "SIGKILL"]);
    for (const { logged } of plugins) expect(logged.lines.at(-1)).toContain("ended by force");
  });
});
