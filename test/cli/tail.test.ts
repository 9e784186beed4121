import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BridgeHost, type BridgeSettings, startBridge } from "../hosts/bridge.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { temporaryFolder } from "../hosts/folder.ts";
import { keep } from "../hosts/keeper.ts";
import { Log } from "../hosts/log.ts";
import { sharedKafka } from "../hosts/shared.ts";
import { TopicEvents } from "../hosts/topic-events.ts";
import { unique } from "../hosts/unique.ts";
import { call, type Ended, environment, sluice } from "./sluice.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

const login = (bridge: BridgeHost, user: string): Promise<unknown> =>
  call(bridge.url, "Login", { user, client_address: "203.0.113.7:5000" });

/** A tail that goes on: its output line by line, its end, and a way to end it. */
async function following(args: readonly string[], settings: BridgeSettings) {
  const folder = await temporaryFolder("tail");
  const child = spawn(process.execPath, [main, "tail", "--follow", ...args], {
    cwd: folder.path,
    env: environment({ settings }),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const release = keep("process", child.pid!);
  const [out, notices] = [new Log(), new Log()];
  createInterface({ input: child.stdout }).on("line", (line) => out.add(line));
  createInterface({ input: child.stderr }).on("line", (line) => notices.add(line));
  const ended = once(child, "close").then(async ([code]) => {
    release();
    await folder.remove();
    return code as number | null;
  });
  return { child, out, notices, ended };
}

describe("tail of a journal", () => {
  let bridge: BridgeHost;
  const tailed = (...args: string[]): Promise<Ended> =>
    sluice(["tail", ...args], { settings: { "data.dir": bridge.dataDir } });

  beforeAll(async () => {
    bridge = await startBridge({ "journal.segmentBytes": "4KiB" });
    await bridge.stop();
    await writeFile(join(bridge.folder, "policy.json"), '{"user:mallory": "deny moved away"}');
    await bridge.start();
    await login(bridge, "mallory");
    for (let n = 1; n <= 30; n++) await login(bridge, `alice-${n}`);
    await call(bridge.url, "Login", { user: "\u001b[2Jeve\u009b" });
  });

  afterAll(() => bridge.close());

  it("shows the last events as a table, the newest last", async () => {
    const { code, stdout, stderr } = await tailed("-n", "3");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const [head, ...rows] = stdout.trimEnd().split("\n");
    expect(head).toMatch(/^TIME +TYPE +NODE +USER +PROXY +FROM +OUTCOME$/);
    expect(rows.map((row) => /alice-\d+|eve/.exec(row)?.[0])).toEqual(["alice-29", "alice-30", "eve"]);
    expect(rows[0]).toMatch(
      / login\.allowed +frps +alice-29 +- +203\.0\.113\.7:5000 +allowed by default_allow$/,
    );
    expect(stdout).not.toMatch(/[^\n\P{C}]/u);
  });

  it("shows twenty when nothing else is said, and none with -n 0", async () => {
    const [twenty, none] = [await tailed(), await tailed("-n", "0")];
    expect(twenty.stdout.trimEnd().split("\n")).toHaveLength(21);
    expect(none).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  it("finds the events of a type behind any number of others, in all segments", async () => {
    const { stdout } = await tailed("--type", "login.refused", "bridge.*", "-n", "10");
    const types = stdout.split("\n").flatMap((row) => row.match(/(?:login|bridge)\.\w+/g) ?? []);
    expect(types).toEqual(["bridge.started", "bridge.stopped", "bridge.started", "login.refused"]);
    expect(stdout).toContain("refused by user:mallory: moved away");
  });

  it("gives with --json each event as it was published, a line each", async () => {
    const { stdout } = await tailed("--json", "-n", "1000");
    const events = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events.map((event) => Number(event.journalseq))).toEqual(events.map((_, at) => at + 1));
    expect(events.filter((event) => event.type === "sluice.login.allowed")).toHaveLength(31);
  });

  it("says so when there are none of the types asked for", async () => {
    const { code, stdout, stderr } = await tailed("-t", "session.started");
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr).toBe(`sluice: no such events in ${bridge.dataDir}/journal\n`);
  });

  it("goes on with what comes, over the end of a segment and of the bridge, and ends with code 0", async () => {
    const { child, out, notices, ended } = await following(["-n", "1", "-t", "login.*"], {
      "data.dir": bridge.dataDir,
    });
    await out.saw(/eve/);
    for (let n = 1; n <= 40; n++) await login(bridge, `bob-${n}`);
    await out.saw(/bob-40 /);
    await bridge.restart();
    await login(bridge, "bob-41");
    await out.saw(/bob-41 /);
    const seen = out.lines.flatMap((line) => /bob-(\d+)/.exec(line)?.[1] ?? []);
    expect(seen).toEqual(Array.from({ length: 41 }, (_, at) => String(at + 1)));
    child.kill("SIGINT");
    expect(await ended).toBe(0);
    expect(notices.lines).toEqual([]);
  });

  it("ends quietly when its reader has enough", async () => {
    const { child, out, notices, ended } = await following(["--json"], { "data.dir": bridge.dataDir });
    await out.saw(/"type"/);
    child.stdout.destroy();
    await login(bridge, "alice");
    expect(await ended).toBe(0);
    expect(notices.lines).toEqual([]);
  });
});

describe("tail without a journal", () => {
  it("says where it looked, and fails at nothing", async () => {
    const folder = await temporaryFolder("tail");
    const { code, stdout, stderr } = await sluice(["tail"], { cwd: folder.path });
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr).toBe(`sluice: no events in ${folder.path}/data/journal yet; is data.dir right?\n`);
    await folder.remove();
  });

  it("reads the journal of a plugin of prox, below data.dir, and names those of others", async () => {
    const [folder, bridge] = [await temporaryFolder("tail"), await startBridge()];
    await login(bridge, "alice");
    await bridge.stop();
    const copied = (name: string): Promise<void> =>
      cp(join(bridge.dataDir, "journal"), join(folder.path, "data", name, "journal"), { recursive: true });
    const types = async (): Promise<unknown> => {
      const { stdout, stderr } = await sluice(["tail", "--json"], { cwd: folder.path });
      return [
        stdout
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line).op ?? "-"),
        stderr,
      ];
    };
    await copied("prox-2");
    expect(await types()).toEqual([["-", "Login", "-"], ""]);
    await copied("prox-10");
    const others = "plugins of prox have others: SLUICE_DATA_DIR=data/prox-10";
    expect(await types()).toEqual([
      ["-", "Login", "-"],
      `sluice: this is the journal in data/prox-2; ${others}\n`,
    ]);
    await mkdir(join(folder.path, "data", "journal"));
    expect((await sluice(["tail"], { cwd: folder.path })).stderr).toContain("no events in");
    await bridge.close();
    await folder.remove();
  });

  it("waits with --follow for the first start, and shows it", async () => {
    const folder = await temporaryFolder("tail");
    const settings = { "data.dir": join(folder.path, "data") };
    const { child, out, notices, ended } = await following([], settings);
    await notices.saw(/waiting for them/);
    await using bridge = await startBridge(settings);
    expect(await out.saw(/bridge\.started/)).toContain("version 0.1.0, 0 rules from file, no Kafka");
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
    await bridge.close();
    await folder.remove();
  });

  it("tells in one line that data.dir cannot be read", async () => {
    const folder = await temporaryFolder("tail");
    await writeFile(join(folder.path, "plain"), "");
    const { code, stderr } = await sluice(["tail"], { cwd: folder.path, settings: { "data.dir": "plain" } });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^sluice: the journal in \S+plain \(data\.dir, SLUICE_DATA_DIR\) cannot be read: ENOTDIR.*\n$/,
    );
    await folder.remove();
  });
});

describe("tail --kafka without a Kafka", () => {
  it.each([
    [{}, 2, /^sluice: --kafka needs kafka\.brokers \(SLUICE_KAFKA_BROKERS\) \[config_invalid\]\n$/],
    [
      { "kafka.brokers": "127.0.0.1:1" },
      1,
      /^sluice: Kafka at 127\.0\.0\.1:1 \(kafka\.brokers\): .*\[kafka_unavailable\]\n$/,
    ],
  ])("with %j is told in one line", async (settings, code, message) => {
    const ended = await sluice(["tail", "--kafka"], { settings });
    expect(ended.code).toBe(code);
    expect(ended.stderr).toMatch(message);
  });
});

describeWith(["kafka"], "tail --kafka", () => {
  it("shows the last events of all topics in the order of their time, and goes on with what comes", async () => {
    const brokers = await sharedKafka();
    const kafka = { "kafka.brokers": brokers.join(","), "kafka.topicPrefix": `${unique("tail")}.` };
    await using bridge = await startBridge(kafka);
    await bridge.log.saw(/topics created/);
    await using topics = await TopicEvents.read(brokers, kafka["kafka.topicPrefix"]);
    for (let n = 1; n <= 10; n++) {
      await login(bridge, `alice-${n}`);
      await call(bridge.url, "Ping", { user: { user: `alice-${n}`, run_id: `run-${n}` } });
    }
    await topics.until(() => topics.distinct.filter((r) => r.event.op !== undefined).length === 20, "20 ops");

    const { code, stdout, stderr } = await sluice(
      ["tail", "--kafka", "--json", "-n", "12", "-t", "login.allowed", "heartbeat.*"],
      {
        settings: kafka,
      },
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const events = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events.map((event) => `${event.op} ${event.data.user}`)).toEqual(
      [5, 6, 7, 8, 9, 10].flatMap((n) => [`Login alice-${n}`, `Ping alice-${n}`]),
    );

    const { child, out, ended } = await following(["--kafka", "-n", "2", "-t", "login.allowed"], kafka);
    await out.saw(/alice-10 /);
    await login(bridge, "bob");
    await out.saw(/ bob /);
    expect(out.lines.map((line) => /alice-\d+|bob|USER/.exec(line)?.[0])).toEqual([
      "USER",
      "alice-9",
      "alice-10",
      "bob",
    ]);
    child.kill("SIGINT");
    expect(await ended).toBe(0);
    await bridge.stop();
  });

  it("says which topics it looked for when there are none", async () => {
    const kafka = {
      "kafka.brokers": (await sharedKafka()).join(","),
      "kafka.topicPrefix": `${unique("none")}.`,
    };
    const { code, stderr } = await sluice(["tail", "--kafka"], { settings: kafka });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^sluice: .*none of these topics exists: none-\S+logins.*is kafka\.topicPrefix right, and may we read them\?.*\n$/,
    );
  });
});
