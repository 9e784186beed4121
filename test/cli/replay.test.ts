import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { cursorPath, saveCursor } from "../../src/journal/cursor.ts";
import { nodeFiles, replaceFile } from "../../src/journal/files.ts";
import type { JournalRecord } from "../../src/journal/record.ts";
import { Load } from "../app/load.ts";
import { type KafkaSettings, toKafka } from "../app/stack.ts";
import { eventText } from "../forwarder/memory-journal.ts";
import { type BridgeHost, type BridgeSettings, startBridge } from "../hosts/bridge.ts";
import { deleteTopic as deleteTopicBy } from "../hosts/delete-topic.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { keep } from "../hosts/keeper.ts";
import { Log } from "../hosts/log.ts";
import { sharedKafka } from "../hosts/shared.ts";
import { instance, makeDir, openJournal, readAll, recordsOf, segmentsIn } from "../journal/harness.ts";
import { clientOf, type ReadRecord, readTopics } from "../kafka/kafka-reading.ts";
import { environment, sluice } from "./sluice.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const replayed = (settings: BridgeSettings, ...args: string[]) =>
  sluice(["replay", "--from", "journal", ...args], { settings });

/** A replay that can be interrupted, as by Ctrl-C. */
function begin(settings: BridgeSettings, ...args: string[]) {
  const child = spawn(process.execPath, [main, "replay", "--from", "journal", ...args], {
    env: environment({ settings }),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const release = keep("process", child.pid!);
  const notices = new Log();
  createInterface({ input: child.stderr }).on("line", (line) => notices.add(line));
  const ended = Promise.all([text(child.stdout), once(child, "close")]).then(([stdout, [code]]) => {
    release();
    return { code: code as number | null, stdout };
  });
  return { notices, ended, interrupt: () => void child.kill("SIGINT") };
}

async function withAdmin<T>(
  brokers: readonly string[],
  work: (admin: ReturnType<ReturnType<typeof clientOf>["admin"]>) => Promise<T>,
): Promise<T> {
  const admin = clientOf(brokers).admin();
  await admin.connect();
  return work(admin).finally(() => admin.disconnect());
}

const deleteTopic = (brokers: readonly string[], topic: string) =>
  withAdmin(brokers, (admin) => deleteTopicBy(admin, topic));

/** All that a topic must hold, by the journal. */
async function recordsIn(dataDir: string, stream: string): Promise<JournalRecord[]> {
  return recordsOf(await readAll(dataDir)).filter((record) => record.stream === stream);
}

/** Every one of these is on the topic, unchanged, and a copy of one is the same as it. */
async function expectOnTopic(
  brokers: readonly string[],
  topic: string,
  expected: readonly JournalRecord[],
): Promise<ReadRecord[]> {
  const missing = new Set(expected.map(({ event }) => event));
  const found = await readTopics(brokers, [topic], (records) => {
    missing.delete(records.at(-1)!.value);
    return missing.size === 0;
  });
  const byId = new Map(expected.map(({ key, event }) => [JSON.parse(event).id, `${key} ${event}`]));
  const asExpected = found.filter(({ key, value, headers }) => byId.get(headers.ce_id) === `${key} ${value}`);
  const ids = new Set(asExpected.map(({ headers }) => headers.ce_id));
  expect(ids.size).toBe(expected.length);
  // What came later is on the topic too, under ids of its own.
  expect(found.filter((record) => !asExpected.includes(record) && byId.has(record.headers.ce_id))).toEqual(
    [],
  );
  const numbers = [...new Set(found.map(({ headers }) => Number(headers.ce_sequence)))].sort((a, b) => a - b);
  expect(numbers.slice(0, expected.length)).toEqual(expected.map((_, at) => at + 1));
  return found;
}

describeWith(["kafka"], "replay of a topic that was deleted", () => {
  let brokers: string[];
  let kafka: KafkaSettings;
  let topic: string;
  beforeAll(async () => {
    brokers = await sharedKafka();
  });

  /** A bridge that has forwarded at least so many ops. */
  async function loadedBridge(count: number): Promise<{ bridge: BridgeHost; load: Load }> {
    kafka = toKafka(brokers);
    topic = `${kafka["kafka.topicPrefix"]}heartbeats`;
    const bridge = await startBridge(kafka);
    const load = new Load({ url: bridge.url });
    await load.more(count);
    await bridge.log.saw(/topics created/, { timeoutMs: 60_000 });
    await expectOnTopic(brokers, topic, await recordsIn(bridge.dataDir, "heartbeats"));
    return { bridge, load };
  }

  it("brings all of it back while the bridge is stopped, and touches neither cursor nor other topics", async () => {
    const { bridge, load } = await loadedBridge(800);
    await load.stop();
    await expectOnTopic(brokers, topic, await recordsIn(bridge.dataDir, "heartbeats"));
    await bridge.stop();
    const settings = { ...kafka, "data.dir": bridge.dataDir };
    const expected = await recordsIn(bridge.dataDir, "heartbeats");
    expect(expected.length).toBeGreaterThan(50);
    await deleteTopic(brokers, topic);
    const cursor = await readFile(cursorPath(bridge.dataDir));
    const offsetsOf = (topic: string) => withAdmin(brokers, (admin) => admin.fetchTopicOffsets(topic));
    const proxies = await offsetsOf(`${kafka["kafka.topicPrefix"]}proxies`);

    const dry = await replayed(settings, "--dry-run", "--topic", "heartbeats", "--json");
    expect(dry).toMatchObject({ code: 0, stderr: "" });
    const { epoch } = expected[0]!;
    expect(JSON.parse(dry.stdout)).toMatchObject({
      dryRun: true,
      records: expected.length,
      bytes: expected.reduce((sum, { event }) => sum + Buffer.byteLength(event), 0),
      topics: [
        {
          topic: topic,
          epochs: [{ epoch, numbers: { first: 1, last: expected.length }, notKept: null }],
        },
      ],
    });
    expect(await withAdmin(brokers, (admin) => admin.listTopics())).not.toContain(topic);

    const { code, stdout, stderr } = await replayed(settings, "--topic", topic);
    expect(code).toBe(0);
    // A leader that has just been chosen may not have heard of it.
    const unready = "(sluice: .*NOT_LEADER_FOR_PARTITION.*\n|sluice: Kafka takes events again\n)*";
    expect(stderr).toMatch(new RegExp(`^sluice: topics created: ${topic}\n${unready}$`));
    const row = new RegExp(`^${topic} +${expected.length} +(\\d+) +${expected.length} +0$`, "m").exec(stdout);
    // What such a leader turned away is sent twice.
    expect(Number(row?.[1]), stdout).toBeGreaterThanOrEqual(expected.length);
    expect(stdout).toContain(`epoch ${epoch}: 1 to ${expected.length}\n`);
    expect(stdout).toContain(`All ${expected.length} records are confirmed.`);
    const found = await expectOnTopic(brokers, topic, expected);
    expect(found).toHaveLength(expected.length);
    for (const records of Map.groupBy(found, ({ key }) => key).values()) {
      const inOrder = records
        .sort((a, b) => a.offset - b.offset)
        .map(({ headers }) => headers.ce_journalseq!);
      expect(inOrder).toEqual([...inOrder].sort());
    }
    expect(await readFile(cursorPath(bridge.dataDir))).toEqual(cursor);
    expect(await offsetsOf(`${kafka["kafka.topicPrefix"]}proxies`)).toEqual(proxies);
    await bridge.close();
  }, 120_000);

  it("brings all of it back beside a bridge that runs and sends", async () => {
    const { bridge, load } = await loadedBridge(800);
    const settings = { ...kafka, "data.dir": bridge.dataDir };
    await deleteTopic(brokers, topic);
    await load.more(200);
    const { code, stdout } = await replayed(settings, "--topic", "heartbeats", "--json");
    expect({ code, report: JSON.parse(stdout) }).toMatchObject({ code: 0, report: { complete: true } });
    await load.more(300);
    await load.stop();
    // The bridge goes on: what it could not send meanwhile it sends now.
    await expectOnTopic(brokers, topic, await recordsIn(bridge.dataDir, "heartbeats"));
    expect(load.unanswered).toEqual([]);
    await bridge.close();
  }, 120_000);
});

/** A data directory with ten logins and five proxies, all of them confirmed once. */
async function mixedJournal(event: typeof eventText = eventText): Promise<string> {
  const dir = makeDir();
  const { journal } = await openJournal(dir);
  for (let n = 0; n < 15; n++) {
    const stream = n % 3 === 2 ? "proxies" : "logins";
    await journal.append(stream, "alice", ({ journalseq, sequence }) =>
      event(stream, "alice", journalseq, sequence, journal.epoch),
    );
  }
  await journal.close(1_000);
  await replaceFile(nodeFiles, join(dir, "instance"), `${instance}\n`);
  await saveCursor(dir, { instance, journalseq: 15, ahead: {} });
  return dir;
}

/** A way to a Kafka that hangs up on everybody until it is opened. */
async function closedWayTo(broker: string) {
  const [host, port] = broker.split(":") as [string, string];
  let opened = false;
  const server = createServer((near) => {
    near.on("error", () => {});
    if (!opened) return void near.destroy();
    const far = connect(Number(port), host, () => void near.pipe(far).pipe(near));
    far.on("error", () => near.destroy());
    near.on("close", () => far.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const open = (): void => {
    opened = true;
  };
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, open };
}

describeWith(["kafka"], "a replay that is not whole ends with code 1", () => {
  let brokers: string[];
  let kafka: KafkaSettings;
  beforeAll(async () => {
    brokers = await sharedKafka();
  });

  it("when a record ends in the dead letters", async () => {
    kafka = toKafka(brokers);
    const dir = await mixedJournal((...args) => (args[2] === 4 ? "{}" : eventText(...args)));
    const { code, stdout } = await replayed({ ...kafka, "data.dir": dir });
    expect(code).toBe(1);
    expect(stdout).toContain("\nNOT ALL: 14 of 15 records are confirmed; 1 in the dead letters.\n");
  }, 120_000);

  it("when the journal has let go of records while it waited for Kafka", async () => {
    const way = await closedWayTo(brokers[0]!);
    kafka = toKafka(brokers);
    const dir = await mixedJournal();
    const running = begin({ ...kafka, "kafka.brokers": way.address, "data.dir": dir });
    await running.notices.saw(/tried again until Ctrl-C$/);
    for (const segment of segmentsIn(dir)) await rm(segment);
    way.open();
    const { code, stdout } = await running.ended;
    expect(code).toBe(1);
    expect(stdout).toContain(
      "\nNOT ALL: 0 of 15 records are confirmed; journalseq 1 to 15 let go by the journal while it was read.\n",
    );
  }, 120_000);
});

/** A data directory with ten logins, of which Kafka has confirmed some. */
async function smallJournal(confirmed: number | null): Promise<string> {
  const dir = makeDir();
  const { journal, append } = await openJournal(dir);
  for (let n = 0; n < 10; n++) await append();
  await journal.close(1_000);
  await replaceFile(nodeFiles, join(dir, "instance"), `${instance}\n`);
  if (confirmed !== null) await saveCursor(dir, { instance, journalseq: confirmed, ahead: {} });
  return dir;
}

describe("replay without a Kafka", () => {
  const nowhere = { "kafka.brokers": "127.0.0.1:1" };

  it.each([
    [[], nowhere, /--from journal, the only source that there is \[config_invalid\]/],
    [["--from", "kafka"], nowhere, /'kafka' is invalid\. Allowed choices are journal\./],
    [["--from", "journal"], {}, /needs kafka\.brokers \(SLUICE_KAFKA_BROKERS\) \[config_invalid\]/],
    [
      ["--from", "journal", "--topic", "logins", "logouts"],
      nowhere,
      /logouts: no such topic; there are logins, /,
    ],
    [["--from", "journal", "--since", "yesterday"], nowhere, /must be a time with its zone/],
    [["--from", "journal", "--since", "2026-13-01"], nowhere, /must be a time with its zone/],
    [["--from", "journal", "--epoch", "7"], nowhere, /must be a UUID/],
  ])("%j with %j is a mistake, told with what would be right", async (args, settings, message) => {
    const { code, stdout, stderr } = await sluice(["replay", ...args], { settings });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(message);
  });

  it.each([null, 0])(
    "has nothing to do when the cursor is at %s, and says who sends it",
    async (confirmed) => {
      const dir = await smallJournal(confirmed);
      expect(await replayed({ ...nowhere, "data.dir": dir })).toEqual({
        code: 0,
        stdout: "",
        stderr:
          "sluice: nothing has been forwarded yet: the bridge sends all that the journal keeps by itself\n",
      });
    },
  );

  it("counts with --dry-run what would be sent, as a table", async () => {
    const { code, stdout, stderr } = await replayed(
      { ...nowhere, "data.dir": await smallJournal(7) },
      "--dry-run",
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(
      /^TOPIC +RECORDS +BYTES\nsluice\.logins +7 +\d+\n {2}epoch epoch-\d+: 1 to 7\nNothing/,
    );
  });

  it("says where it looked when there is no journal, and makes none", async () => {
    const dir = join(makeDir(), "data");
    const { code, stderr } = await replayed({ ...nowhere, "data.dir": dir });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `sluice: no journal in ${dir}; is data.dir right? [data_dir_unusable]\n`,
    });
    await expect(readFile(join(dir, "instance"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("waits for Kafka, says so once, and ends with code 1 at Ctrl-C", async () => {
    const settings = { ...nowhere, "data.dir": await smallJournal(10) };
    const running = begin(settings);
    await running.notices.saw(/tried again until Ctrl-C$/);
    running.interrupt();
    expect((await running.ended).code).toBe(1);
    const { notices } = running;
    expect(notices.lines).toEqual([
      expect.stringMatching(/^sluice: Kafka at 127\.0\.0\.1:1 \(kafka\.brokers\): .*ECONNREFUSED/),
      "sluice: ended before anything was sent",
    ]);
  });
});
