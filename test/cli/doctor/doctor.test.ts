/** @module-tag docker */
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Redis } from "ioredis";
import { parse, stringify } from "smol-toml";
import { afterAll, beforeAll, expect, it } from "vitest";
import { frpsBlock } from "../../../src/cli/doctor/frps-block.ts";
import { eventually } from "../../eventually.ts";
import { type BridgeHost, type BridgeSettings, startBridge } from "../../hosts/bridge.ts";
import { describeWith } from "../../hosts/describe-with.ts";
import { temporaryFolder } from "../../hosts/folder.ts";
import { startFrpc } from "../../hosts/frp.ts";
import { frpPrograms } from "../../hosts/frp-program.ts";
import { freePort } from "../../hosts/ports.ts";
import { run } from "../../hosts/process.ts";
import { NativeServer } from "../../hosts/server.ts";
import { sharedKafka, sharedRedis } from "../../hosts/shared.ts";
import { unique } from "../../hosts/unique.ts";
import { clientOf } from "../../kafka/kafka-reading.ts";
import { sluice } from "../sluice.ts";
import { settingsOf } from "./settings-of.ts";

async function topicsOf(brokers: readonly string[], prefix: string): Promise<string[]> {
  const admin = clientOf(brokers).admin();
  await admin.connect();
  try {
    return (await admin.listTopics()).filter((name) => name.startsWith(prefix)).sort();
  } finally {
    await admin.disconnect();
  }
}

interface Finding {
  readonly level: string;
  readonly section: string;
  readonly what: string;
  readonly seen: string;
}

const secret = "hunter/2{{x}}";

describeWith(["redis", "kafka", "frp"], "doctor", () => {
  let redis: Redis;
  let settings: BridgeSettings;
  let bridge: BridgeHost;

  beforeAll(async () => {
    const url = await sharedRedis();
    const brokers = await sharedKafka();
    redis = new Redis(url);
    const prefix = `${unique("doctor")}:`;
    await redis.set(`${prefix}policy:user:alice`, "allow");
    const topic = unique("doctor");
    const own: BridgeSettings = {
      "redis.url": url,
      "redis.prefix": prefix,
      "kafka.brokers": brokers.join(","),
      "kafka.topics": `*=${topic},dead-letters=${topic}.letters`,
      "kafka.partitions": 1,
      "http.auth": `frps:${secret}`,
      "admin.token": secret,
    };
    bridge = await startBridge(own);
    // A bridge answers before it has made its topics.
    const all = [topic, `${topic}.letters`];
    await eventually(async () => expect(await topicsOf(brokers, topic)).toEqual(all));
    const port = (url: string): string => new URL(url).port;
    settings = {
      ...own,
      "http.port": port(bridge.url),
      "admin.port": port(bridge.adminUrl),
      "data.dir": bridge.dataDir,
    };
  });
  afterAll(async () => {
    await bridge.close();
    redis.disconnect();
  });

  it("finds nothing red beside a bridge that runs, writes nothing, and shows no secret", async () => {
    const keysBefore = await redis.keys(`${settings["redis.prefix"]}*`);
    const { code, stdout, stderr } = await sluice(["doctor", "--json"], { settings });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const { findings, frps } = JSON.parse(stdout) as { findings: Finding[]; frps: string };
    const of = (section: string, what: string) =>
      findings.find((finding) => finding.section === section && finding.what === what);
    expect(of("data", "folder")).toMatchObject({ level: "green" });
    if (process.platform === "linux")
      expect(of("data", "lock")?.seen).toMatch(/held by process \d+: a bridge runs/);
    expect(of("data", "fdatasync")?.seen).toMatch(/median [\d.]+ ms, worst of 40/);
    expect(of("redis", "rights")).toMatchObject({ level: "green" });
    expect(of("redis", "tracking")).toMatchObject({ level: "green" });
    expect(of("redis", "rules")?.seen).toMatch(/^1 rule in Redis/);
    expect(of("kafka", "topics")?.seen).toBe("2 are as they should be");
    expect(of("kafka", "rights")).toMatchObject({ level: "green" });
    expect(of("ports", "plugin port")?.seen).toMatch(/is answered by a running bridge$/);
    expect(of("ports", "admin port")?.seen).toMatch(/is answered by a bridge that is ready$/);
    expect(frps).toContain('addr = "***:***@127.0.0.1:');
    expect(stdout).not.toContain(secret);
    expect(stdout).not.toContain(encodeURIComponent(secret));
    expect(await redis.keys(`${settings["redis.prefix"]}*`)).toEqual(keysBefore);
    expect((await readdir(bridge.dataDir)).filter((name) => name.includes("doctor"))).toEqual([]);
  });

  it("prints a plugin that a released frps takes as it is, and whose calls the bridge answers", async () => {
    const { code, stdout } = await sluice(["doctor", "--frps", "edge-1", "--show-secrets"], { settings });
    expect(code).toBe(0);
    expect(parse(stdout).httpPlugins).toMatchObject([
      { path: "/handler/edge-1", ops: expect.not.arrayContaining(["CloseUserConn"]) },
    ]);
    const folder = await temporaryFolder("frps");
    const file = join(folder.path, "frps.toml");
    const [bindPort, token] = [await freePort(), "frp-token"];
    await writeFile(
      file,
      `${stringify({ bindPort, auth: { token }, log: { disablePrintColor: true } })}\n${stdout}`,
    );
    const { frps: program } = await frpPrograms();
    expect(await run({ program, args: ["verify", "-c", file] })).toContain("syntax is ok");
    await using frps = new NativeServer({
      command: { program, args: ["-c", file], cwd: folder.path },
      ready: /frps started successfully/,
      readyWithinMs: 20_000,
      graceMs: 5_000,
      folder,
    });
    await frps.start();
    await using client = await startFrpc({ frps: { bindPort, token }, user: "alice" });
    expect(client.log.lines.join("\n")).toContain("login to server success");
    const answer = await fetch(`${bridge.adminUrl}/metrics`, {
      headers: { authorization: `Bearer ${secret}` },
    });
    expect(await answer.text()).toMatch(/^sluice_ops_total\{op="Login",[^}]*\} 1$/m);
  });

  it("prints it for TLS too, with a password that nobody can read, in a form that frps takes", async () => {
    const files = { "http.tls.cert": "/etc/sluice/tls.crt", "http.tls.key": "/etc/sluice/tls.key" };
    const secured = settingsOf({ ...files, "http.auth": `frps:${secret}`, "http.port": 9443 });
    const block = frpsBlock(secured, { node: null, showSecrets: false });
    expect(parse(block).httpPlugins).toEqual([
      {
        name: "sluice",
        addr: "https://***:***@127.0.0.1:9443",
        path: "/handler",
        ops: ["Login", "NewProxy", "CloseProxy", "Ping", "NewWorkConn", "NewUserConn"],
        tlsVerify: true,
      },
    ]);
    const folder = await temporaryFolder("frps");
    await writeFile(join(folder.path, "frps.toml"), block);
    const { frps: program } = await frpPrograms();
    const args = ["verify", "-c", join(folder.path, "frps.toml")];
    expect(await run({ program, args })).toContain("syntax is ok");
    await folder.remove();
  });

  it("tells each wrong setting, and ends with code 1", async () => {
    const { code, stdout } = await sluice(["doctor", "--only", "redis"], {
      settings: { "http.port": "x", "kafka.brokers": "y" },
    });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^red +settings +setting +http\.port/m);
    expect(stdout).toMatch(/^red +settings +setting +kafka\.brokers/m);
  });
});
