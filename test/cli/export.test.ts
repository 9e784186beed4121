import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { Kafka, logLevel, Partitioners } from "kafkajs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exportEvents } from "../../src/cli/export.ts";
import { toEcs, toFlat, toFlatSession, toOcsf } from "../../src/events/index.ts";
import { eventsOf, toKafka } from "../app/stack.ts";
import { type BridgeHost, startBridge } from "../hosts/bridge.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { sharedKafka } from "../hosts/shared.ts";
import { call, type Ended, sluice } from "./sluice.ts";

const who = { user: { user: "alice", metas: null, run_id: "run-of-alice" } };
const proxy = { ...who, proxy_name: "alice.ssh", proxy_type: "tcp" };

/** What frps would ask: a session, and names that need care. */
async function asked({ url }: BridgeHost): Promise<void> {
  await call(url, "Login", { ...who.user, client_address: "198.51.100.7:5000" });
  await call(url, "Login", { user: "", hostname: '=HYPERLINK("x"),\r\ny', client_address: "198.51.100.8:1" });
  await call(url, "NewProxy", { ...proxy, remote_port: 6000 });
  await call(url, "NewUserConn", { ...proxy, remote_addr: "192.0.2.1:1" });
  await call(url, "CloseUserConn", { ...proxy, remote_addr: "192.0.2.1:1" });
  await call(url, "NewUserConn", { ...proxy, remote_addr: "192.0.2.1:2" });
}

const linesOf = ({ stdout }: Ended): string[] => stdout.split("\n").slice(0, -1);

describe("export of a journal", () => {
  let bridge: BridgeHost;
  let events: string[];
  const exported = (...args: string[]): Promise<Ended> =>
    sluice(["export", ...args], { settings: { "data.dir": bridge.dataDir }, cwd: bridge.folder });
  const typesOf = (ended: Ended): string[] => linesOf(ended).map((line) => JSON.parse(line).type.slice(7));

  beforeAll(async () => {
    bridge = await startBridge();
    await asked(bridge);
    const tail = await sluice(["tail", "--json", "-n", "1000"], { settings: { "data.dir": bridge.dataDir } });
    events = linesOf(tail);
    expect(events.length).toBe(9);
  });
  afterAll(() => bridge.close());

  it("gives the events as they are, while the bridge runs, and nothing else", async () => {
    expect(await exported()).toEqual({ code: 0, stderr: "", stdout: events.map((e) => `${e}\n`).join("") });
  });

  it.each([
    ["ocsf", toOcsf],
    ["ecs", toEcs],
  ])("gives what is on the topic of --as %s", async (view, project) => {
    const ended = await exported("--as", view);
    expect(ended.code).toBe(0);
    expect(linesOf(ended)).toEqual(events.map((event) => JSON.stringify(project(JSON.parse(event)))));
  });

  it.each([
    ["flat", toFlat],
    ["flat-sessions", toFlatSession],
  ])("gives the rows of --as %s, alike as NDJSON and as CSV, moments as ISO 8601", async (view, project) => {
    const rows = events.flatMap((event) => {
      const row = project(JSON.parse(event));
      if (row === null) return [];
      const moments = row.schema.fields.filter(({ name }) => name !== undefined).map(({ field }) => field);
      const cells = Object.entries(row.payload).map(([name, value]) => [
        name,
        moments.includes(name) && value !== null ? new Date(Number(value)).toISOString() : value,
      ]);
      return [Object.fromEntries(cells)];
    });
    expect(rows.length).toBe(view === "flat" ? 9 : 3);
    const [ndjson, csv] = [await exported("--as", view), await exported("--as", view, "--format", "csv")];
    expect(linesOf(ndjson).map((line) => JSON.parse(line))).toEqual(rows);
    const cell = (value: unknown): string =>
      value === null
        ? ""
        : /^$|[",\r]/.test(`${value}`)
          ? `"${`${value}`.replaceAll('"', '""')}"`
          : `${value}`;
    const lines = [Object.keys(rows[0]), ...rows.map((row) => Object.values(row).map(cell))];
    expect(csv).toEqual({ code: 0, stderr: "", stdout: lines.map((line) => `${line}\r\n`).join("") });
  });

  it("leaves text to a spreadsheet that it will not calculate, if asked", async () => {
    const [plain, safe] = [
      await exported("--format", "csv"),
      await exported("--format", "csv", "--spreadsheet"),
    ];
    expect(plain.stdout).toContain(',"=HYPERLINK(""x""),\r\ny",');
    expect(safe.stdout).toBe(plain.stdout.replaceAll('"=HYPERLINK', "\"'=HYPERLINK"));
  });

  it("narrows by type, topic and time", async () => {
    expect(typesOf(await exported("-t", "session.*", "login.allowed"))).toEqual([
      "login.allowed",
      "login.allowed",
      "session.started",
      "session.closed",
      "session.ended",
      "session.started",
    ]);
    expect(typesOf(await exported("--topic", "sluice.proxies", "bridge"))).toEqual([
      "bridge.started",
      "proxy.allowed",
    ]);
    const { time } = JSON.parse(events[4]!);
    const [before, after] = [await exported("--until", time), await exported("--since", time)];
    expect([...linesOf(before), ...linesOf(after)]).toEqual(events);
    expect(linesOf(after).map((line) => JSON.parse(line).time >= time)).not.toContain(false);
    expect((await exported("--since", "0s")).stdout).toBe("");
  });

  it("puts a file in the place of an older one only when it is whole", async () => {
    const path = join(bridge.folder, "events.ndjson");
    writeFileSync(path, "older");
    const interrupt = `const once = process.once; process.once = function (name, ...rest) {
      if (name === "SIGINT") setImmediate(() => process.emit("SIGINT", "SIGINT"));
      return once.call(this, name, ...rest); };`;
    const ended = await sluice(["export", "--output", path], {
      settings: { "data.dir": bridge.dataDir },
      env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(interrupt)}` },
    });
    expect(ended).toEqual({
      code: 130,
      stdout: "",
      stderr: expect.stringContaining("ended before all was written"),
    });
    expect(readFileSync(path, "utf8")).toBe("older");
    const there = readdirSync(bridge.folder);

    const done = await exported("--output", path);
    expect(done).toEqual({ code: 0, stdout: "", stderr: `sluice: 9 records in ${path}\n` });
    expect(readFileSync(path, "utf8")).toBe(events.map((event) => `${event}\n`).join(""));
    expect(statSync(path).mode & 0o077).toBe(0);
    expect(readdirSync(bridge.folder)).toEqual(there);
    expect(there.filter((name) => name.includes("unfinished"))).toEqual([]);
  });

  it("ends with code 0 when its reader has enough", async () => {
    const main = new URL("../../src/main.ts", import.meta.url).pathname;
    // The reader is gone before anything is written.
    const script = 'exec 3> >(exec true); wait $!; "$0" "$@" >&3';
    const ended = await sluice(["export"], {
      command: ["bash", "-c", script, process.execPath, main],
      settings: { "data.dir": bridge.dataDir },
    });
    expect(ended).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  it("gives what can be read of a damaged journal, names the rest and ends with code 1", async () => {
    const dataDir = join(bridge.folder, "damaged");
    await cp(bridge.dataDir, dataDir, { recursive: true });
    const [segment] = readdirSync(join(dataDir, "journal")).filter((name) => !name.includes("lock"));
    const path = join(dataDir, "journal", segment!);
    const bytes = readFileSync(path);
    const at = bytes.indexOf("=HYPERLINK");
    bytes.fill("X", at, at + 3);
    writeFileSync(path, bytes);
    const { code, stdout, stderr } = await sluice(["export"], { settings: { "data.dir": dataDir } });
    const damaged = events.find((event) => event.includes("=HYPERLINK"))!;
    const { journalseq } = JSON.parse(damaged);
    expect(code).toBe(1);
    expect(stdout.trimEnd().split("\n")).toEqual(events.filter((event) => event !== damaged));
    expect(stderr).toContain(`journalseq ${Number(journalseq)} to ${Number(journalseq)} cannot be read`);
  });
});

it.each([
  [{ format: "csv", as: "ocsf" }, "--as ocsf has depth: csv takes --as flat or flat-sessions"],
  [{ spreadsheet: true }, "--spreadsheet is for --format csv"],
  [{ topic: ["loggins"] }, "--topic loggins: no such topic; there are logins, proxies"],
  [{ topic: ["logins"], type: ["session.*"] }, "no event is of these types, on these topics"],
  [{ since: { agoMs: 1 }, until: { agoMs: 2 } }, "--since is not before --until"],
  [{ kafka: true }, "--kafka needs kafka.brokers"],
] as const)("export with %j is refused before anything is written", async (options, message) => {
  await expect(exportEvents({ format: "ndjson", ...options })).rejects.toMatchObject({
    code: "config_invalid",
    message: expect.stringContaining(message),
  });
});

describeWith(["kafka"], "export of Kafka's topics", () => {
  it("gives each event once, in the order of the journal, whatever came again or is no event", async () => {
    const brokers = await sharedKafka();
    const kafka = toKafka(brokers);
    const bridge = await startBridge(kafka);
    const topics = await eventsOf(bridge, kafka);
    for (let n = 0; n < 3; n++) await asked(bridge);
    await topics.until(
      () => topics.distinct.filter(({ event }) => event.op !== undefined).length === 18,
      "18 ops",
    );
    await bridge.stop();
    const journal = await sluice(["export"], { settings: { "data.dir": bridge.dataDir } });
    await topics.until(() => topics.distinct.length === linesOf(journal).length, "all of the journal");
    const producer = new Kafka({ brokers, logLevel: logLevel.NOTHING }).producer({
      createPartitioner: Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    const topicMessages = Map.groupBy(topics.distinct, ({ topic }) => topic);
    await producer.sendBatch({
      topicMessages: [...topicMessages].map(([topic, records]) => ({
        topic,
        messages: [
          ...records.map(({ partition, value }) => ({ partition, value })),
          { value: "not an event" },
        ],
      })),
    });
    await producer.disconnect();

    const { code, stdout, stderr } = await sluice(["export", "--kafka"], { settings: kafka });
    expect(linesOf({ code, stdout, stderr })).toEqual(linesOf(journal));
    expect(stderr).toContain(`sluice: ${linesOf(journal).length} events that came again left out\n`);
    expect(stderr).toContain(`sluice: ${topicMessages.size} records left out: `);
    expect(code).toBe(1);
    await bridge.close();
  }, 120_000);
});
