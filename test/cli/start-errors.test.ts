/** What keeps the bridge from starting, each told by the real process in one message; and what does not. */
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { journalFolder, renderHeader, segmentPath } from "../../src/journal/segment.ts";
import { type BridgeSettings, startBridge } from "../hosts/bridge.ts";
import { type Folder, temporaryFolder } from "../hosts/folder.ts";
import { freePort } from "../hosts/ports.ts";
import { call, type Ended, messageOf, sluice } from "./sluice.ts";

const secret = "hunter2";

interface Trial {
  readonly settings?: BridgeSettings;
  readonly env?: Record<string, string>;
  readonly args?: string[];
  /** Makes files in the working directory. */
  readonly given?: (folder: string) => Promise<void>;
}

async function serve({ settings, env, args = [], given }: Trial): Promise<Ended & { folder: Folder }> {
  const folder = await temporaryFolder("start");
  await given?.(folder.path);
  const ports = { "http.port": await freePort(), "admin.port": await freePort() };
  const ended = await sluice(["serve", ...args], {
    cwd: folder.path,
    settings: { ...ports, ...settings },
    ...(env && { env }),
  });
  await folder.remove();
  return { ...ended, folder };
}

function expectOneMessage(ended: Ended, code: number, ...parts: readonly (string | RegExp)[]): void {
  expect(ended.code).toBe(code);
  expect(ended.stdout).toBe("");
  const message = messageOf(ended);
  expect(message.match(/^sluice: /gm)).toEqual(["sluice: "]);
  for (const part of parts) expect(message).toMatch(part);
  expect(message).not.toMatch(/^ {4}at /m);
  expect(ended.stderr).not.toContain(secret);
}

async function busyPort(): Promise<{ port: number; free: () => void }> {
  const port = await freePort();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return { port, free: () => server.close() };
}

const file = (name: string, text: string) => (folder: string) => writeFile(join(folder, name), text);

describe("it does not start, and says why and what to do", () => {
  it("with several wrong settings: all at once, no secret among them", async () => {
    const ended = await serve({
      settings: { "http.auth": secret, "journal.sync": "never", "kafka.brokers": "kafka" },
      env: { SLUICE_HTTP_PROT: "1" },
    });
    expectOneMessage(
      ended,
      2,
      /^sluice: 4 problems in the settings: \[config_invalid\]$/m,
      /SLUICE_HTTP_PROT: no such variable; did you mean SLUICE_HTTP_PORT\?/,
      /http\.auth \(SLUICE_HTTP_AUTH\): must be user:password/,
      /journal\.sync \(SLUICE_JOURNAL_SYNC\)/,
      /kafka\.brokers/,
    );
  });

  it("with a misspelt key in sluice.toml", async () => {
    const ended = await serve({ given: file("sluice.toml", "[journal]\nsnyc = 'write'\n") });
    expectOneMessage(
      ended,
      2,
      /journal\.snyc \(sluice\.toml\): no such setting; did you mean journal\.sync\?/,
    );
  });

  it("with a settings file that is not TOML: where, without what stands there", async () => {
    const ended = await serve({ given: file("sluice.toml", `[http\nauth = "u:${secret}"\n`) });
    expectOneMessage(ended, 2, /sluice\.toml: is not TOML in line 1/);
  });

  it("with a settings file that is not there", async () => {
    const ended = await serve({ args: ["--config", "nowhere.toml"] });
    expectOneMessage(ended, 2, /nowhere\.toml: is not there \(ENOENT\)/, /--config or SLUICE_CONFIG/);
  });

  it("with a bind beyond loopback and no password", async () => {
    const ended = await serve({ settings: { "http.host": "0.0.0.0" } });
    expectOneMessage(
      ended,
      2,
      /http\.host \(SLUICE_HTTP_HOST\) is "0\.0\.0\.0"/,
      /set http\.auth \(SLUICE_HTTP_AUTH\)/,
    );
  });

  it("with a Redis URL that is none", async () => {
    const ended = await serve({ settings: { "redis.url": `redis://:${secret}/x@redis:6379` } });
    expectOneMessage(ended, 2, /redis\.url \(SLUICE_REDIS_URL\): must look like/);
  });

  it("with a plugin port that is taken", async () => {
    const { port, free } = await busyPort();
    expectOneMessage(
      await serve({ settings: { "http.port": port } }),
      1,
      `http.port ${port}`,
      /SLUICE_HTTP_PORT/,
    );
    free();
  });

  it("with an admin port that is taken", async () => {
    const { port, free } = await busyPort();
    expectOneMessage(
      await serve({ settings: { "admin.port": port } }),
      1,
      `admin.port ${port}`,
      /SLUICE_ADMIN_PORT/,
    );
    free();
  });

  it("with a policy file that is not JSON: the line, without what stands there", async () => {
    const text = `{"user:alice": "allow",\n "user:bob": ${secret}}`;
    const ended = await serve({ given: file("policy.json", text) });
    expectOneMessage(ended, 1, /policy\.json, which is not JSON in line 2, column 14/, /SLUICE_POLICY_FILE/);
  });

  it("with a policy file that is a directory", async () => {
    const ended = await serve({ given: async (folder) => void (await mkdir(join(folder, "policy.json"))) });
    expectOneMessage(ended, 1, /policy\.json, which cannot be read \(EISDIR\)/, /SLUICE_POLICY_FILE/);
  });

  it("with a data directory in which another bridge works", async () => {
    await using other = await startBridge();
    const ended = await serve({ settings: { "data.dir": other.dataDir } });

    expectOneMessage(
      ended,
      1,
      /data\.dir \(SLUICE_DATA_DIR\) names/,
      `names ${other.dataDir}, in which another process works`,
      /\(pid \d+\): stop it/,
    );
  });

  it("with a data directory that is a file, or lies in one", async () => {
    const given = file("plain", "");
    for (const dir of ["plain", "plain/data"]) {
      expectOneMessage(
        await serve({ settings: { "data.dir": dir }, given }),
        1,
        /data\.dir \(SLUICE_DATA_DIR\) names .*, which cannot be used .*: name a folder/,
      );
    }
  });

  it("with a journal that a newer Sluice wrote", async () => {
    const header = {
      version: 99,
      instance: "i",
      epoch: "e",
      first: 1,
      previous: 0,
      topics: {},
      sequences: {},
    };
    const given = async (folder: string): Promise<void> => {
      const journal = journalFolder(join(folder, "data"));
      await mkdir(journal, { recursive: true });
      await writeFile(segmentPath(journal, 1), renderHeader(header));
    };
    expectOneMessage(await serve({ given }), 1, /journal format 99/, /start the Sluice that wrote it/);
  });
});

describe("it starts all the same, and says so", () => {
  it("with Kafka out of reach: once, however often it tries", async () => {
    await using bridge = await startBridge({
      "kafka.brokers": `127.0.0.1:${await freePort()}`,
      "log.level": "debug",
    });
    expect(await call(bridge.url, "Login", { user: "alice" })).toMatchObject({ reject: false });
    await bridge.log.saw(/Kafka takes nothing/);
    let from = bridge.log.lines.length;
    for (let attempt = 0; attempt < 3; attempt++) {
      await bridge.log.saw(/kafkajs: .*ECONNREFUSED|ECONNREFUSED.*kafkajs:/, { from });
      from = bridge.log.lines.length;
    }
    const said = bridge.log.lines.filter((line) => line.includes("Kafka takes nothing"));
    expect(said).toHaveLength(1);
    expect(JSON.parse(said[0]!)).toMatchObject({ level: "warn", code: "kafka_unavailable" });
    await bridge.stop();
  });

  it("with Redis out of reach: everything is refused until it answers", async () => {
    const port = await freePort();
    await using bridge = await startBridge({ "redis.url": `redis://:${secret}@127.0.0.1:${port}` });
    const started = JSON.parse(await bridge.log.saw(/sluice \S+ answers/));
    expect(started.policy).toContain(`Redis 127.0.0.1:${port}`);
    expect(started.policy).toContain("NOT LOADED YET, everything is refused until it is");
    expect(await call(bridge.url, "Login", { user: "alice" })).toMatchObject({ reject: true });
    const ready = await fetch(`${bridge.adminUrl}/readyz`);
    expect([ready.status, await ready.text()]).toEqual([503, "not ready: no policy has been loaded yet\n"]);
    await bridge.stop();
    expect(bridge.log.lines.join("\n")).not.toContain(secret);
  });

  it("with rules that it knew and cannot read", async () => {
    await using bridge = await startBridge();
    const policy = join(bridge.folder, "policy.json");
    await bridge.stop();
    await writeFile(policy, '{"user:alice": {"nonsense": true}, "user:bob": "allow"}');
    for (const _start of ["told by the file", "known from the run before"]) {
      const from = bridge.log.lines.length;
      await bridge.start();
      const started = JSON.parse(await bridge.log.saw(/sluice \S+ answers/, { from }));
      expect(started.policy).toMatch(/2 rules, 1 of them UNREADABLE/);
      expect(await call(bridge.url, "Login", { user: "alice" })).toMatchObject({ reject: true });
      await bridge.stop();
    }
  });
});
