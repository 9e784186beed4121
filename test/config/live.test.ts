/** Settings that change while a bridge runs, at a clock that is moved by hand. */
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { LiveSettings } from "../../src/config/live.ts";
import { loadSettings } from "../../src/config/load.ts";
import { Reloader } from "../../src/config/reload.ts";
import { FakeClock } from "../fake-clock.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-live-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

interface Line {
  readonly level: string;
  readonly text: string;
  readonly [field: string]: unknown;
}

/** A bridge's settings, begun with a file of this text. */
class Trial {
  readonly clock = new FakeClock();
  readonly lines: Line[] = [];
  readonly live: LiveSettings;
  readonly reloader: Reloader;
  readonly #file = join(folder, `${++files}.toml`);

  constructor(text: string) {
    writeFileSync(this.#file, text);
    const read = () => loadSettings(this.#file, {}).settings;
    const write = (level: string) => (fields: object, text: string) =>
      void this.lines.push({ level, text, ...fields });
    this.live = new LiveSettings(read());
    this.reloader = new Reloader({
      file: this.#file,
      live: this.live,
      read,
      uses: (key) => !key.startsWith("prox."),
      clock: this.clock,
      log: { info: write("info"), warn: write("warn"), error: write("error") },
    });
  }

  /** @param text null: the file is taken away */
  write(text: string | null): void {
    if (text === null) rmSync(this.#file);
    else writeFileSync(this.#file, text);
  }

  /** Puts something else into the file's place. */
  link(to: string): void {
    rmSync(this.#file);
    symlinkSync(to, this.#file);
  }

  reload(text: string | null): void {
    this.write(text);
    this.reloader.reload("SIGHUP");
  }
}

const begun = '[log]\nlevel = "warn"\n[nodes.edge-1]\nauth = "edge:one"\n';

describe("a reload", () => {
  it("takes what can change, and names what waits for a restart", () => {
    const trial = new Trial(begun);
    const told: string[] = [];
    trial.live.onChange((now) => told.push(now.log.level));
    trial.reload(
      'node = "b"\n[http]\nport = 9100\nloginsPerMinute = 5\n[nodes.edge-2]\nsubdomainHost = "b.test"\n[stop]\ndrainMs = 7\n',
    );
    expect(trial.live.now).toMatchObject({
      node: "frps",
      http: { port: 9000, loginsPerMinute: 5 },
      nodes: { "edge-2": { subdomainHost: "b.test" } },
      log: { level: "info" },
    });
    expect(trial.live.now.nodes).not.toHaveProperty("edge-1");
    expect(told).toEqual(["info"]);
    expect(trial.lines).toEqual([
      {
        level: "info",
        text: "settings reloaded",
        cause: "SIGHUP",
        changed: [
          "http.loginsPerMinute",
          "stop.drainMs",
          "log.level",
          "nodes.edge-1.auth",
          "nodes.edge-2.subdomainHost",
        ],
      },
      {
        level: "warn",
        text: "changed, and waiting for a restart: node, http.port",
        waiting: ["node", "http.port"],
      },
    ]);
  });

  it("ends the waiting of what is set back", () => {
    const trial = new Trial(begun);
    trial.reload(`node = "b"\n${begun}`);
    expect(trial.live.waiting).toEqual(["node"]);
    trial.reload(begun);
    expect(trial.live.waiting).toEqual([]);
    expect(trial.lines.at(-1)).toMatchObject({ text: "no setting in force has changed", changed: [] });
  });

  it("says nothing of settings that this process does not use", () => {
    const trial = new Trial(begun);
    trial.reload(`${begun}[prox]\nnode = "edge-9"\n`);
    expect(trial.lines).toMatchObject([{ level: "info", changed: [] }]);
  });

  it.each([
    ["is not TOML", `[log\nlevel = "debug"`, [expect.stringMatching(/is not TOML in line 1/)]],
    [
      "has several faults",
      `${begun}[http]\nprot = 1\n[ban]\nafter = -1\n`,
      [
        expect.stringMatching(/^http\.prot \(\S+\): no such setting/),
        expect.stringMatching(/^ban\.after .*is -1/),
      ],
    ],
    ["is empty", "\n", [expect.stringMatching(/is empty: restart to go on without/)]],
    ["is gone", null, [expect.stringMatching(/is gone: restart to go on without/)]],
  ])("of a file that %s leaves the old in force, and tells all problems in one line", (_, text, problems) => {
    const trial = new Trial(begun);
    const before = trial.live.now;
    trial.reload(text);
    expect(trial.live.now).toBe(before);
    expect(trial.live.successful).toBe(false);
    expect(trial.lines).toMatchObject([
      { level: "error", text: "the settings cannot be taken over; those before stay in force" },
    ]);
    expect(trial.lines[0]?.problems).toEqual(problems);
    trial.reload(`${begun}[stop]\ndrainMs = 7\n`);
    expect(trial.live).toMatchObject({ successful: true, now: { stop: { drainMs: 7 } } });
  });

  it("never waits for a pipe or a device in the file's place", () => {
    const trial = new Trial(begun);
    trial.link("/dev/null");
    trial.reloader.reload("SIGHUP");
    expect(trial.live.successful).toBe(false);
    expect(trial.lines).toMatchObject([
      { level: "error", problems: [expect.stringMatching(/is a pipe or a device, .*: restart$/)] },
    ]);
  });

  it("does not open a port to all whose host waits for a restart", () => {
    const open = '[http]\nhost = "0.0.0.0"\nauth = "frps:secret"\n';
    const trial = new Trial(open);
    trial.reload('[http]\nhost = "127.0.0.1"\n');
    expect(trial.live.now.http.auth).toBe("frps:secret");
    expect(trial.lines).toMatchObject([
      { level: "error", problems: [expect.stringMatching(/http\.auth is not set/)] },
    ]);
    expect(JSON.stringify(trial.lines)).not.toContain("secret");
  });
});

describe("a secret in a file of its own", () => {
  it("is read anew at a reload, for one frps as for all", () => {
    const secretFile = join(folder, "secret");
    writeFileSync(secretFile, "edge:one\n");
    const text = `[http]\nauthFile = "${secretFile}"\n[redis]\npasswordFile = "${secretFile}"\n[nodes.edge-1]\nauthFile = "${secretFile}"\n`;
    const trial = new Trial(text);
    writeFileSync(secretFile, "edge:two\n");
    trial.reload(text);
    expect(trial.live.now).toMatchObject({
      http: { auth: "edge:two" },
      nodes: { "edge-1": { auth: "edge:two" } },
      redis: { password: "edge:one" },
    });
    expect(trial.lines).toMatchObject([
      { changed: ["http.auth", "nodes.edge-1.auth"] },
      { level: "warn", waiting: ["redis.password"] },
    ]);
    expect(JSON.stringify(trial.lines)).not.toMatch(/edge:(one|two)/);
  });
});

describe("a changed file", () => {
  it("is taken when it has stayed the same from one look to the next", async () => {
    const trial = new Trial(begun);
    trial.reloader.watch();
    trial.write("[log]\n");
    trial.clock.advance(500);
    trial.write('[log]\nlevel = "debug"\n');
    trial.clock.advance(500);
    expect(trial.live.now.log.level).toBe("warn");
    trial.clock.advance(500);
    expect(trial.live.now.log.level).toBe("debug");
    expect(trial.lines).toHaveLength(1);
  });

  it("that is wrong is told of once", () => {
    const trial = new Trial(begun);
    trial.reloader.watch();
    trial.write("nonsense");
    for (let look = 0; look < 5; look++) trial.clock.advance(500);
    expect(trial.lines).toHaveLength(1);
  });

  it("is not looked at any more after the end", () => {
    const trial = new Trial(begun);
    trial.reloader.watch();
    trial.reloader.stop();
    trial.write('[log]\nlevel = "debug"\n');
    for (let look = 0; look < 5; look++) trial.clock.advance(500);
    expect(trial.live.now.log.level).toBe("warn");
  });
});
