/** Real processes whose settings file changes while they run, and what SIGHUP means to them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../hosts/folder.ts";
import { keep } from "../hosts/keeper.ts";
import { Log } from "../hosts/log.ts";
import { freePort } from "../hosts/ports.ts";
import { PluginProcess } from "../prox/plugin-process.ts";
import { call, environment } from "./sluice.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** As `nodes.edge-1.auth` and, with a colon, as whoever calls. */
const headers = (auth: string) => ({ authorization: `Basic ${Buffer.from(auth).toString("base64")}` });

async function statusOf(url: string, auth: string): Promise<number> {
  const body = '{"version":"0.1.0","op":"Ping","content":{}}';
  return (await fetch(url, { method: "POST", body, headers: headers(auth) })).status;
}

describe("a changed settings file", () => {
  it("is in force after SIGHUP, what waits for a restart is named, and a wrong one changes nothing", async () => {
    const folder = await temporaryFolder("reload");
    const file = join(folder.path, "sluice.toml");
    const port = await freePort();
    const adminPort = await freePort();
    const settings = (auth: string, level: string, mode: string, ports = port): Promise<void> =>
      writeFile(
        file,
        `[http]\nport = ${ports}\n[admin]\nport = ${adminPort}\n[stop]\ndrainMs = 100\n[log]\nlevel = "${level}"\n[policy]\nmode = "${mode}"\n[nodes.edge-1]\nauth = "${auth}"\n`,
      );
    await settings("edge:one", "info", "observe");
    await writeFile(join(folder.path, "policy.json"), '{"user:mallory": "deny"}');
    const child = spawn(process.execPath, [main, "serve"], {
      cwd: folder.path,
      env: environment({}),
      stdio: ["ignore", "ignore", "pipe"],
    });
    const release = keep("process", child.pid!);
    const log = new Log();
    createInterface({ input: child.stderr }).on("line", (line) => log.add(line));
    const ended = once(child, "exit");
    const url = `http://127.0.0.1:${port}/handler/edge-1`;
    const seen = async (pattern: RegExp, from: number): Promise<Record<string, unknown>> =>
      JSON.parse(await log.saw(pattern, { from }));
    const metric = async (name: string): Promise<string | undefined> => {
      const page = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
      return new RegExp(`^sluice_config_${name} (.+)$`, "m").exec(page)?.[1];
    };
    await log.saw(/sluice \S+ answers/);
    expect(await statusOf(url, "edge:one")).toBe(200);
    const mallory = (auth: string) => call(url, "Login", { user: "mallory" }, headers(auth));
    expect(await mallory("edge:one")).toMatchObject({ reject: false });

    let from = log.lines.length;
    await settings("edge:two", "debug", "enforce", 1);
    child.kill("SIGHUP");
    expect(await seen(/settings reloaded/, from)).toMatchObject({
      changed: ["policy.mode", "log.level", "nodes.edge-1.auth"],
    });
    expect(await seen(/waiting for a restart: http\.port"/, from)).toMatchObject({ level: "warn" });
    expect([await statusOf(url, "edge:one"), await statusOf(url, "edge:two")]).toEqual([401, 200]);
    expect(await mallory("edge:two")).toMatchObject({ reject: true });
    await call(url, "Ping", {}, headers("edge:two"));
    expect(await seen(/"op":"Ping"/, from)).toMatchObject({ level: "debug" });
    expect([await metric("last_reload_successful"), await metric("waiting_settings")]).toEqual(["1", "1"]);

    from = log.lines.length;
    await writeFile(file, '[http]\nprot = 1\n[log]\nlevel = "loud"\n');
    child.kill("SIGHUP");
    const refused = await seen(/cannot be taken over/, from);
    expect(refused).toMatchObject({ level: "error" });
    expect(refused.problems).toHaveLength(2);
    expect(await statusOf(url, "edge:two")).toBe(200);
    expect(await metric("last_reload_successful")).toBe("0");

    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
    expect(log.lines.join("\n")).not.toMatch(/edge:(one|two)/);
    release();
    await folder.remove();
  });

  it("is taken by a plugin of prox without a signal, put in its place as a whole", async () => {
    const folder = await temporaryFolder("reload-prox");
    await writeFile(join(folder.path, "policy.json"), "{}");
    const file = join(folder.path, "sluice.toml");
    await writeFile(file, "[http]\nport = 1\n");
    const plugin = new PluginProcess({ cwd: folder.path });
    await plugin.settled();
    await writeFile(`${file}.new`, '[http]\nport = 2\n[log]\nlevel = "debug"\n[kafka]\nbrokers = ["a:1"]\n');
    await rename(`${file}.new`, file);
    expect(JSON.parse(await plugin.logged.saw(/settings reloaded/))).toMatchObject({
      changed: ["log.level"],
    });
    expect(await plugin.said.saw(/waiting for a restart/)).toContain("restart: kafka.brokers");
    plugin.child.kill("SIGTERM");
    expect(await plugin.ended).toBe(0);
    await folder.remove();
  });

  it("matters no more when the terminal is gone: SIGHUP then ends the bridge, as SIGTERM does", async () => {
    const folder = await temporaryFolder("hangup");
    const command = `echo $$ >&3; exec '${process.execPath}' '${main}' serve 2>&3`;
    const args =
      process.platform === "darwin"
        ? ["-q", "/dev/null", "sh", "-c", command]
        : ["-qfc", command, "/dev/null"];
    // Makes a terminal, which is gone when it is.
    const terminal = spawn("script", args, {
      cwd: folder.path,
      env: environment({ settings: { "http.port": 0, "admin.port": 0, "log.format": "json" } }),
      stdio: ["pipe", "ignore", "ignore", "pipe"],
    });
    const log = new Log();
    createInterface({ input: terminal.stdio[3] as Readable }).on("line", (line) => log.add(line));
    // What it runs is in a session of its own, and would outlive a test that fails.
    const release = keep("process", Number(await log.saw(/^\d+$/)));
    await log.saw(/sluice \S+ answers/);
    terminal.kill("SIGKILL");
    expect(JSON.parse(await log.saw(/"stopped"/))).toMatchObject({ reason: "SIGHUP" });
    release();
    await folder.remove();
  });
});
