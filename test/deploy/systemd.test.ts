/** deploy/systemd: its units as systemd reads, rates and runs them, with the sandbox that they ask for. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { loadSettings } from "../../src/config/load.ts";
import { call } from "../cli/sluice.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { temporaryFolder } from "../hosts/folder.ts";
import { bootSystemd, type OwnRoot } from "../hosts/own-root.ts";
import { freePort } from "../hosts/ports.ts";
import { run } from "../hosts/process.ts";
import { partsEndWithinMs } from "./stopping.ts";
import { environmentOf, lastOf, textOf } from "./unit.ts";

vi.setConfig({ testTimeout: 120_000 });

const units = ["sluice.service", "sluice@.service"];
const secrets = {
  "http-auth": "frps:secret-of-frps",
  "admin-token": "token",
  "redis-url": "redis://redis:6379",
  "kafka-sasl-password": "secret-of-kafka",
};
const operator = { "redis-password": "secret-of-writer", "kafka-sasl-password": "secret-of-reader" };
/** Of 100, where systemd calls 20 and less OK. What is left is the network, and memory that V8 runs code in. */
const mostExposed = 12;

describe("a unit", () => {
  it.each(units)("%s gives the program settings that it takes", async (name) => {
    const folder = await temporaryFolder("unit");
    const unit = (await textOf(name)).replaceAll("%i", "edge-1");
    const file = join(folder.path, "sluice.toml");
    await writeFile(file, await textOf("sluice.toml"));
    const sasl = { SLUICE_KAFKA_SASL_MECHANISM: "SCRAM-SHA-512", SLUICE_KAFKA_SASL_USERNAME: "sluice" };
    for (const added of ["", `${await textOf("redis.conf")}\n${await textOf("kafka.conf")}`]) {
      const { SLUICE_CONFIG, ...env } = await environmentOf(`${unit}\n${added}`, folder.path, secrets);
      const { settings } = loadSettings(file, added === "" ? env : { ...env, ...sasl });
      expect(SLUICE_CONFIG).toMatch(/^\/etc\/sluice\/.*sluice\.toml$/);
      expect(settings.http.auth).toBe(secrets["http-auth"]);
      expect(settings.admin.token).toBe(secrets["admin-token"]);
      expect(settings.redis.url).toBe(added === "" ? undefined : secrets["redis-url"]);
      expect(settings.kafka.sasl.password).toBe(added === "" ? undefined : secrets["kafka-sasl-password"]);
      expect(settings.data.dir).toBe(`/var/lib/${lastOf(unit, "StateDirectory")}`);
      expect(Number(lastOf(unit, "TimeoutStopSec")) * 1000).toBeGreaterThanOrEqual(
        settings.stop.delayMs + settings.stop.drainMs + partsEndWithinMs,
      );
    }
    await folder.remove();
  });

  it("has files beside it that give commands the secrets of the bridge, or those of an operator", async () => {
    const folder = await temporaryFolder("etc");
    const files = { ...withFolder(secrets, "credentials"), ...withFolder(operator, "operator") };
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder.path, name)), { recursive: true });
      await writeFile(join(folder.path, name), `${text}\n`);
    }
    for (const name of ["as-bridge.sh", "as-operator.sh"]) {
      const text = (await textOf(name)).replaceAll("/etc/sluice", folder.path);
      await writeFile(join(folder.path, name), text);
    }
    await writeFile(
      join(folder.path, "sluice.toml"),
      'kafka.sasl.mechanism = "SCRAM-SHA-512"\nkafka.sasl.username = "sluice"\n',
    );
    const settingsBy = async (name: string) => {
      const script = `. ${join(folder.path, name)}; env -0 | grep -z ^SLUICE_`;
      const output = await run({
        program: "env",
        args: ["-i", `PATH=${process.env.PATH}`, "sh", "-euc", script],
      });
      const env = Object.fromEntries(
        output
          .split("\0")
          .filter(Boolean)
          .map((line) => line.split(/=(.*)/s)),
      );
      return loadSettings(env.SLUICE_CONFIG, env).settings;
    };
    expect(await settingsBy("as-bridge.sh")).toMatchObject({
      http: { auth: secrets["http-auth"] },
      admin: { token: secrets["admin-token"] },
      redis: { url: secrets["redis-url"] },
      kafka: { sasl: { username: "sluice", password: secrets["kafka-sasl-password"] } },
    });
    expect(await settingsBy("as-operator.sh")).toMatchObject({
      redis: { user: "sluice-writer", password: operator["redis-password"] },
      kafka: { sasl: { username: "sluice-reader", password: operator["kafka-sasl-password"] } },
    });
    await folder.remove();
  });

  it("of a template is the single one under names of its own", async () => {
    const [single, template] = await Promise.all(units.map(textOf));
    const settings = (text: string) =>
      text
        .replaceAll(/[/ -]%i/g, "")
        .split("\n")
        .filter((line) => !line.startsWith("#") && !line.includes("SLUICE_DATA_DIR"));
    expect(settings(template!)).toEqual(settings(single!));
  });
});

describeWith(["systemd"], "a unit as systemd sees it", () => {
  it.each(units)("%s is understood whole", async (name) => {
    expect(await verified(name, (text) => text)).toBe("");
  });

  it("is not understood with a setting that systemd does not know, or a value that is none", async () => {
    const misspelt = await verified("sluice.service", (text) => text.replace("ProtectHome", "ProtectHoem"));
    expect(misspelt).toMatch(/Unknown key .*'ProtectHoem'/);
    const wrong = await verified("sluice.service", (text) => text.replace("RestartSec=1", "RestartSec=soon"));
    expect(wrong).toMatch(/Failed to parse .*soon/);
  });

  it.each(units)(`%s is exposed to at most ${mostExposed} of 100`, async (name) => {
    expect(await rated(name, (text) => text)).toMatch(/Overall exposure level/);
  });

  it("is rated too exposed without its filter of system calls", async () => {
    const bare = (text: string) => text.replaceAll(/^SystemCallFilter=.*$/gm, "");
    await expect(rated("sluice.service", bare)).rejects.toThrow(/Overall exposure level/);
  });
});

describeWith(["systemd"], "under systemd the unit", () => {
  it("of a template answers under its own name, with a folder of its own", async () => {
    await using host = await booted({ instance: "edge-1" });
    expect((await fetch(`${host.adminUrl}/readyz`)).status).toBe(200);
    const pid = (
      await host.inside("systemctl", "show", "--value", "--property=MainPID", "sluice@edge-1")
    ).trim();
    const folder = "/var/lib/private/sluice/edge-1";
    expect(await writableTo(host, pid)).toEqual([folder, `${folder}/journal`]);
  });

  it("answers frps and is ready, with no rights, secrets from credentials, and one folder to write to", async () => {
    await using host = await booted();
    const { url, adminUrl } = host;
    const auth = { authorization: `Basic ${btoa(secrets["http-auth"])}` };
    expect(await call(url, "Login", { user: "alice" }, auth)).toEqual({ reject: false, unchange: true });
    expect((await fetch(`${adminUrl}/readyz`)).status).toBe(200);
    expect((await fetch(`${adminUrl}/metrics`)).status).toBe(401);
    const authorization = `Bearer ${secrets["admin-token"]}`;
    expect((await fetch(`${adminUrl}/metrics`, { headers: { authorization } })).status).toBe(200);

    const pid = await shown(host, "MainPID");
    const status = await host.inside("cat", `/proc/${pid}/status`);
    expect(status).toMatch(/^CapBnd:\s0{16}$/m);
    expect(status).toMatch(/^NoNewPrivs:\s1$/m);
    expect(status).toMatch(/^Seccomp:\s2$/m);
    expect(status).not.toMatch(/^Uid:\s0\b/m);
    expect(await writableTo(host, pid)).toEqual([
      "/var/lib/private/sluice",
      "/var/lib/private/sluice/journal",
    ]);
  });

  it("may lower the priority of its forwarder, and of nothing else", async () => {
    await using host = await booted({ toml: '[kafka]\nbrokers = ["127.0.0.1:1"]\n' });
    const pid = await shown(host, "MainPID");
    const lowered = async (): Promise<number[]> => {
      const stats = await host.inside("sh", "-c", `cat /proc/${pid}/task/*/stat`);
      const priorities = stats
        .trim()
        .split("\n")
        .map((stat) => Number(stat.split(") ")[1]?.split(" ")[16]));
      return priorities.filter((priority) => priority !== 0);
    };
    await expect.poll(lowered, { timeout: 20_000 }).toEqual([5]);
  });

  it("ends properly when it is told to, and leaves its last word in the journal", async () => {
    await using host = await booted();
    await host.inside("systemctl", "stop", "sluice");
    expect(await shown(host, "Result")).toBe("success");
    const journal = await host.inside("sh", "-c", "cat /var/lib/private/sluice/journal/*");
    expect(journal).toMatch(/bridge\.stopped/);
  });

  it("takes changed settings by systemctl reload, without a new process", async () => {
    await using host = await booted();
    const [from, pid] = [host.log.lines.length, await shown(host, "MainPID")];
    await host.inside("systemctl", "reload", "sluice");
    await host.log.saw(/"cause":"SIGHUP".*no setting in force has changed/, { from });
    expect(await shown(host, "MainPID")).toBe(pid);
  });

  it("is started again after a kill, as the same instance", async () => {
    await using host = await booted();
    const from = host.log.lines.length;
    const instance = await host.inside("cat", "/var/lib/private/sluice/instance");
    await host.inside("systemctl", "kill", "--signal=SIGKILL", "sluice");
    await host.log.saw(/sluice \S+ answers/, { from });
    expect(await shown(host, "NRestarts")).toBe("1");
    expect(await host.inside("cat", "/var/lib/private/sluice/instance")).toBe(instance);
  });

  it("is left as failed when its settings are wrong, with what is wrong in the log", async () => {
    await using host = await booted({ toml: '[journal]\nsync = "never"\n', ready: /Failed with result/ });
    expect(await shown(host, "NRestarts")).toBe("0");
    expect(host.log.tail()).toMatch(/journal\.sync .*never/);
  });

  it("is not begun without one of its secrets, in words of which the README tells", async () => {
    await using host = await booted({ lacks: "admin-token", ready: /status=243\/CREDENTIALS/ });
    expect(host.log.tail()).toMatch(/Failed to set up credentials/);
    expect(host.log.tail()).not.toMatch(/sluice \S+ answers/);
  });
});

type Booted = OwnRoot & { readonly url: string; readonly adminUrl: string };

interface Boot {
  readonly toml?: string;
  readonly ready?: RegExp;
  /** Of the template. */
  readonly instance?: string;
  readonly lacks?: keyof typeof secrets;
}

/** A systemd that starts a unit, installed as the README says, on free ports. */
async function booted({ toml, ready = /sluice \S+ answers/, instance, lacks }: Boot = {}): Promise<Booted> {
  const unit = instance === undefined ? "sluice.service" : `sluice@${instance}.service`;
  const place = instance === undefined ? "etc/sluice" : `etc/sluice/${instance}`;
  const [port, adminPort] = [await freePort(), await freePort()];
  const target = (name: string, more = "") => `[Unit]\nDescription=${name}\n${more}`;
  const host = await bootSystemd({
    ready,
    files: {
      "units/multi-user.target": target("all", `Wants=${unit}\n`),
      "units/network-online.target": target("network"),
      "units/sysinit.target": target("early", "DefaultDependencies=no\n"),
      "units/basic.target": target("basic", "DefaultDependencies=no\n"),
      "units/shutdown.target": target("end", "DefaultDependencies=no\n"),
      [`units/${unit}`]: await textOf(unit.replace(instance ?? "", "")),
      [`units/${unit}.d/test.conf`]: [
        "[Service]",
        `Environment=SLUICE_HTTP_PORT=${port} SLUICE_ADMIN_PORT=${adminPort} PATH=/opt/node`,
        "StandardOutput=file:/dev/kmsg",
        "StandardError=file:/dev/kmsg",
      ].join("\n"),
      "opt/sluice/node_modules/.bin/sluice": '#!/bin/sh\nexec /opt/checkout/bin/sluice.js "$@"\n',
      [`${place}/sluice.toml`]: toml ?? (await textOf("sluice.toml")),
      ...Object.fromEntries(
        (["http-auth", "admin-token"] as const)
          .filter((name) => name !== lacks)
          .map((name) => [`${place}/credentials/${name}`, secrets[name]]),
      ),
    },
  });
  const [url, adminUrl] = [`http://127.0.0.1:${port}/handler`, `http://127.0.0.1:${adminPort}`];
  return Object.assign(host, { url, adminUrl });
}

function withFolder(files: Readonly<Record<string, string>>, folder: string): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([name, text]) => [`${folder}/${name}`, text]));
}

async function shown(host: OwnRoot, property: string): Promise<string> {
  return (await host.inside("systemctl", "show", "--value", `--property=${property}`, "sluice")).trim();
}

/** The folders of process `pid` that its user may write to, but for the temporary ones that nobody else sees. */
async function writableTo(host: OwnRoot, pid: string): Promise<string[]> {
  const id = (await host.inside("stat", "--format=%u", `/proc/${pid}`)).trim();
  const user = ["setpriv", `--reuid=${id}`, `--regid=${id}`, "--clear-groups"];
  const passed = ["/proc", "/dev", "/tmp", "/var/tmp"].flatMap((place) => ["-path", place, "-prune", "-o"]);
  const look = ["find", "/", "-maxdepth", "6", ...passed, "-type", "d", "-writable", "-print"];
  const quiet = ["sh", "-c", '"$@" 2>/dev/null || :', "sh", ...look];
  const found = await host.inside("nsenter", `--target=${pid}`, "--mount", ...user, ...quiet);
  return found.trim().split("\n").sort();
}

/** A changed copy of a unit, under a name that systemd can start. */
async function copied(name: string, change: (text: string) => string) {
  const folder = await temporaryFolder("unit");
  const file = join(folder.path, name.replace("@", "@edge-1"));
  // What is to be started must be there.
  const text = (await textOf(name)).replace("/opt/sluice/node_modules/.bin/sluice", process.execPath);
  await mkdir(folder.path, { recursive: true });
  await writeFile(file, change(text));
  return { file, folder };
}

/** What systemd has against a unit. */
async function verified(name: string, change: (text: string) => string): Promise<string> {
  const { file, folder } = await copied(name, change);
  const complaints = await run({
    program: "sh",
    args: ["-c", 'systemd-analyze verify "$0" 2>&1 || :', file],
  });
  await folder.remove();
  return complaints;
}

async function rated(name: string, change: (text: string) => string): Promise<string> {
  const { file, folder } = await copied(name, change);
  const args = ["security", "--offline=true", `--threshold=${mostExposed}`, file];
  return run({ program: "systemd-analyze", args }).finally(() => folder.remove());
}
