/** Wrong settings and a wrong surrounding, as the real commands tell them. */
import { mkdir, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../hosts/folder.ts";
import { PluginProcess } from "../prox/plugin-process.ts";
import { type Ended, messageOf, sluice } from "./sluice.ts";

const wrong = `
[http]
prot = 9000
auth = "hunter2"
[kafka]
brokers = ["kafka://broker:9092"]
[journal]
maxBytes = 1000
`;
const env = {
  SLUICE_HTTP_DEADLINE_MS: "0.5",
  SLUICE_ADMIN_TOKEN_FILE: "./nowhere",
  SLUICE_REDIS_URL: "http://:hunter2@redis",
};
const lines = [
  "SLUICE_ADMIN_TOKEN_FILE (admin.token) names ./nowhere, which is not there (ENOENT): put it there, or name another",
  "http.auth (sluice.toml): must be user:password, as in frps's addr",
  "http.deadlineMs (SLUICE_HTTP_DEADLINE_MS) is 0.5: must be a whole number of milliseconds, 1 or more",
  "http.prot (sluice.toml): no such setting; did you mean http.port?",
  "journal.maxBytes (sluice.toml) is 1000: must be at least twice journal.segmentBytes, which is 67108864",
  'kafka.brokers (sluice.toml) has "kafka://broker:9092": must be host:port, such as kafka-1:9092, without a scheme',
  "redis.url (SLUICE_REDIS_URL): must look like redis://user:password@host:6379/0, with rediss:// for TLS and percent-encoding for special characters in user and password",
];

async function inFolder<T>(act: (cwd: string) => Promise<T>): Promise<T> {
  const folder = await temporaryFolder("wrong");
  try {
    return await act(folder.path);
  } finally {
    await folder.remove();
  }
}

/** The list below the head, sorted. */
function listIn(message: string): string[] {
  return message
    .split("\n")
    .flatMap((line) => (line.startsWith("  - ") ? [line.slice(4)] : []))
    .sort();
}

async function taken(port = 0): Promise<{ server: Server; port: number }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return { server, port: (server.address() as { port: number }).port };
}

describe("wrong settings", () => {
  it("are told in the same lines by serve, config and doctor, all at once and on the right stream", async () => {
    await inFolder(async (cwd) => {
      await writeFile(join(cwd, "sluice.toml"), wrong);
      const [serve, config, doctor] = await Promise.all(
        ["serve", "config", "doctor"].map((command) => sluice([command], { cwd, env })),
      );
      for (const ended of [serve!, config!]) {
        expect([ended.code, ended.stdout]).toEqual([2, ""]);
        expect(messageOf(ended).split("\n")[0]).toBe("sluice: 7 problems in the settings: [config_invalid]");
        expect(listIn(messageOf(ended))).toEqual(lines);
      }
      expect([doctor!.code, doctor!.stderr]).toEqual([1, ""]);
      for (const line of lines) expect(doctor!.stdout).toContain(line);
      expect(doctor!.stdout.match(/^red +settings +setting /gm)).toHaveLength(lines.length);
      expect(JSON.stringify([serve, config, doctor])).not.toContain("hunter2");
    });
  });

  it("are told to prox in the same lines, and on stderr", async () => {
    await inFolder(async (cwd) => {
      await writeFile(join(cwd, "sluice.toml"), wrong);
      const plugin = new PluginProcess({ cwd, env });
      const told = JSON.parse(await plugin.said.saw(/sluice cannot start/));
      for (const line of lines) expect(JSON.stringify(told)).toContain(JSON.stringify(line).slice(1, -1));
      plugin.child.kill("SIGTERM");
      expect(await plugin.ended).toBe(2);
      expect(listIn(plugin.logged.lines.join("\n"))).toEqual(lines);
      expect(plugin.logged.lines.concat(plugin.said.lines).join("\n")).not.toContain("hunter2");
    });
  });
});

describe("what only a start can know", () => {
  const start = (cwd: string, settings: Record<string, string | number>): Promise<Ended> =>
    sluice(["serve"], { cwd, settings: { "http.port": 0, "admin.port": 0, ...settings } });

  it("comes all at once: both ports, the data directory and the policy file", async () => {
    const [plugin, admin] = [await taken(), await taken()];
    await inFolder(async (cwd) => {
      await writeFile(join(cwd, "plain"), "");
      await mkdir(join(cwd, "policy.json"));
      const ended = await start(cwd, {
        "http.port": plugin.port,
        "admin.port": admin.port,
        "data.dir": "plain",
      });
      expect([ended.code, ended.stdout]).toEqual([1, ""]);
      expect(messageOf(ended)).toMatch(/^sluice: 4 problems keep it from starting: \[data_dir_unusable\]\n/);
      expect(listIn(messageOf(ended))).toEqual([
        expect.stringMatching(
          /^admin\.port \d+ on 127\.0\.0\.1 is taken by another process .*SLUICE_ADMIN_PORT$/,
        ),
        expect.stringMatching(/^data\.dir \(SLUICE_DATA_DIR\) names \S+plain, which cannot be used/),
        expect.stringMatching(
          /^http\.port \d+ on 127\.0\.0\.1 is taken by another process .*SLUICE_HTTP_PORT$/,
        ),
        expect.stringMatching(
          /^policy\.file \(SLUICE_POLICY_FILE\) names \S+policy\.json, which cannot be read \(EISDIR\)/,
        ),
      ]);
    });
    plugin.server.close();
    admin.server.close();
  });

  it("names the address that is none of this machine, and the name that nobody knows", async () => {
    await inFolder(async (cwd) => {
      const ended = await start(cwd, {
        "http.host": "192.0.2.1",
        "http.auth": "u:p",
        "admin.host": "no.such.invalid",
        "admin.token": "t",
      });
      expect(ended.code).toBe(2);
      expect(listIn(messageOf(ended))).toEqual([
        expect.stringMatching(
          /^admin\.host no\.such\.invalid is no name that this machine can resolve \(\w+\): choose an address with SLUICE_ADMIN_HOST$/,
        ),
        "http.host 192.0.2.1 is no address of this machine (EADDRNOTAVAIL): choose one that ip addr shows, with SLUICE_HTTP_HOST",
      ]);
    });
  });

  it("leaves nothing behind: the next start with what was wrong put right has all that it needs", async () => {
    const { server, port } = await taken();
    await inFolder(async (cwd) => {
      const first = await start(cwd, { "http.port": port });
      expect(messageOf(first)).toMatch(/^sluice: http\.port \d+ .* \[port_in_use\]$/);
      const second = await start(cwd, { "http.port": port });
      expect(messageOf(second)).toBe(messageOf(first));
    });
    server.close();
  });
});
