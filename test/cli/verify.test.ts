import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { Kafka, logLevel, Partitioners } from "kafkajs";
import { beforeAll, describe, expect, it } from "vitest";
import { sessionsTable } from "../../src/cli/verify-sessions.ts";
import { verdictLines } from "../../src/cli/verify-verdict.ts";
import { systemClock } from "../../src/clock.ts";
import { ensureTopics } from "../../src/kafka/topics.ts";
import type { LedgerReport } from "../../src/ledger/report.ts";
import { allArrived, allTold } from "../app/delivered.ts";
import { Load } from "../app/load.ts";
import { eventsOf, type KafkaSettings, toKafka } from "../app/stack.ts";
import { startBridge } from "../hosts/bridge.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { startKafka } from "../hosts/kafka.ts";
import { keep } from "../hosts/keeper.ts";
import { Log } from "../hosts/log.ts";
import { sharedKafka } from "../hosts/shared.ts";
import type { TopicEvent } from "../hosts/topic-events.ts";
import { quickSettings, silentLog } from "../kafka/kafka-reading.ts";
import { SessionLog } from "../ledger/session-log.ts";
import { judged, TopicLog } from "../ledger/topic-log.ts";
import { type Ended, environment, sluice } from "./sluice.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

const verified = (settings: KafkaSettings, ...args: string[]): Promise<Ended> =>
  sluice(["verify", ...args], { settings });

const reportOf = ({ stdout }: Ended): LedgerReport => JSON.parse(stdout) as LedgerReport;

const clientOf = (settings: KafkaSettings): Kafka =>
  new Kafka({ brokers: settings["kafka.brokers"].split(","), logLevel: logLevel.NOTHING });

describe("verify without a Kafka", () => {
  it.each([
    [{}, 2, /^sluice: verify needs kafka\.brokers \(SLUICE_KAFKA_BROKERS\) \[config_invalid\]\n$/],
    [
      { "kafka.brokers": "127.0.0.1:1" },
      1,
      /^sluice: Kafka at 127\.0\.0\.1:1 \(kafka\.brokers\): .*\[kafka_unavailable\]\n$/,
    ],
  ])("with %j is told in one line", async (settings, code, message) => {
    const ended = await sluice(["verify"], { settings });
    expect({ code: ended.code, stdout: ended.stdout }).toEqual({ code, stdout: "" });
    expect(ended.stderr).toMatch(message);
  });
});

describe("verify's verdict", () => {
  const verdictOf = (lost: number, ...more: readonly number[]): string => {
    const log = new TopicLog();
    log.start("e-1");
    log.many("logins", 4);
    log.progress();
    log.many("logins", 4);
    const gone = new Set([lost, ...more]);
    const left = log.records.filter(({ topic, sequence }) => topic !== "logins" || !gone.has(sequence));
    return verdictLines(judged(left), { topicPrefix: "sluice." }).at(-1)!;
  };

  it("is only so far while numbers are not confirmed, and says how many", () => {
    expect(verdictOf(0)).toMatch(/^WHOLE: no number is missing unannounced; 10 events of 1 epoch /);
    expect(verdictOf(6)).toMatch(
      /^WHOLE SO FAR: no number is missing unannounced, 1 is not there and not confirmed yet; 9 events /,
    );
    expect(verdictOf(5, 6)).toMatch(/^WHOLE SO FAR: [^;]*, 2 are not there and not confirmed yet; /);
    expect(verdictOf(2, 6)).toMatch(
      /^NOT WHOLE: 1 number is missing unannounced, 1 is not there and not confirmed yet; /,
    );
  });
});

describe("verify of user sessions", () => {
  const log = new SessionLog("i-1", "sluice.user-sessions");
  log.start("e-1");
  log.whole("a");
  log.started("b");
  log.closed("c", null);
  log.refused("d");
  log.ended("e");
  log.inferred("f");
  log.inferred("g");
  log.progress();
  const report = judged(log.records);

  it("counts them per instance", () => {
    expect(sessionsTable(report.sessions)).toEqual([
      "SESSIONS      STARTED  REFUSED  CLOSED  UNPAIRED  ENDED  ANNOUNCED  INFERRED  BOTH  OPEN  PENDING  EXPLAINED  WRONG",
      "instance i-1        2        1       1         1      4          2         2     0     1        0          0      4",
    ]);
    expect(sessionsTable([])).toEqual([]);
  });

  it("says in a line for each fault what they lack, and names one", () => {
    const place = "topic sluice.user-sessions, epoch e-1, instance i-1";
    const lines = verdictLines(report, { topicPrefix: "sluice." });
    expect(lines.slice(0, -1)).toEqual([
      `UNSTARTED: 3 sessions without a start, but closed, ended or refused after all: ${place}; one is ${SessionLog.idOf("e")}, 2027-01-31T08:00:08.000Z`,
      `UNCLOSED: 1 session without the close that the end names: ${place}; it is ${SessionLog.idOf("e")}, 2027-01-31T08:00:08.000Z`,
    ]);
    expect(lines.at(-1)).toMatch(/^NOT WHOLE: 4 faults in sessions that nothing explains; 11 events /);
  });
});

async function makeTopics(
  settings: KafkaSettings,
  names: readonly string[],
  partitions: number,
): Promise<void> {
  const wanted = names.map((name) => ({ name, retentionMs: 7 * 24 * 60 * 60_000 }));
  const brokers = settings["kafka.brokers"].split(",");
  await ensureTopics(
    wanted,
    quickSettings(brokers, { partitions, requestTimeoutMs: 10_000 }),
    systemClock,
    silentLog,
  );
}

/** Puts records on topics of its own as they are, made with a bridge's own or by hand. */
async function write(
  settings: KafkaSettings,
  records: readonly (Pick<TopicEvent, "topic" | "partition" | "value"> & { readonly key?: string })[],
): Promise<void> {
  const producer = clientOf(settings).producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  for (const [topic, each] of Map.groupBy(records, (record) => record.topic)) {
    await producer.send({ topic, messages: each.map(({ partition, value }) => ({ partition, value })) });
  }
  await producer.disconnect();
}

describeWith(["kafka"], "verify of a bridge that was killed under load", () => {
  let settings: KafkaSettings;
  let events: readonly TopicEvent[];

  beforeAll(async () => {
    settings = toKafka(await sharedKafka());
    await using bridge = await startBridge(settings);
    await using topics = await eventsOf(bridge, settings);
    const load = new Load({ url: bridge.url });
    await load.more(300);
    await bridge.kill();
    await bridge.start();
    await load.more(300);
    await load.stop();
    await allArrived(topics, load);
    await bridge.stop();
    await allTold(topics);
    // One start more, since its first progress is what says that Kafka has all of those before.
    await bridge.start();
    const last = new Load({ url: bridge.url, seed: 2 });
    await last.more(50);
    await last.stop();
    await allArrived(topics, last);
    const ids = new Set(last.answeredIds);
    const ops = topics.events.filter(({ event }) => ids.has(event.id));
    const highest = Math.max(...ops.map(({ event }) => Number(event.journalseq)));
    await topics.saw(
      ({ type, data }) => type === "sluice.bridge.progress" && data.journalseq >= highest,
      "the progress of the last start",
    );
    await bridge.stop();
    await allTold(topics, ops[0]!.event.epoch);
    events = [...topics.events];
  }, 120_000);

  /** The same events on topics of their own, but for some. */
  async function copied(without: (event: TopicEvent) => boolean): Promise<KafkaSettings> {
    const copy = toKafka(settings["kafka.brokers"].split(","));
    const renamed = (text: string): string =>
      text.replaceAll(settings["kafka.topicPrefix"], copy["kafka.topicPrefix"]);
    const kept = events.filter((event) => !without(event));
    await makeTopics(copy, [...new Set(events.map(({ topic }) => renamed(topic)))], 6);
    await write(
      copy,
      kept.map(({ topic, partition, value }) => ({
        topic: renamed(topic),
        partition,
        value: renamed(value),
      })),
    );
    return copy;
  }

  it("finds all whole, with the numbers that a consumer sees, and exit code 0", async () => {
    const ended = await verified(settings, "--json");
    expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: "" });
    const report = reportOf(ended);
    expect(report).toMatchObject({ ok: true, records: events.length, foreign: 0, gaps: [] });
    const seen = [...Map.groupBy(events, ({ topic, event }) => `${event.epoch} ${topic}`)];
    expect(
      Object.fromEntries(report.streams.map((s) => [`${s.epoch} ${s.topic}`, [s.last, s.records]])),
    ).toEqual(
      Object.fromEntries(
        seen.map(([name, own]) => [
          name,
          [Math.max(...own.map(({ event }) => Number(event.sequence))), own.length],
        ]),
      ),
    );
    expect(new Set(report.streams.map(({ epoch }) => epoch)).size).toBe(3);
    const count = (type: string): number =>
      new Set(
        events.filter(({ event }) => event.type === `sluice.session.${type}`).map(({ event }) => event.id),
      ).size;
    const [sessions] = report.sessions;
    expect(report.sessions).toMatchObject([
      { started: count("started"), refused: count("refused"), findings: [] },
    ]);
    expect(sessions!.ended).toBeGreaterThan(20);
    expect(sessions!.open).toBe(count("started") - sessions!.ended);
  });

  it("folds earlier epochs that are whole into a row unless all are asked for", async () => {
    const [short, all] = [await verified(settings), await verified(settings, "--all")];
    expect({ code: short.code, stderr: short.stderr }).toEqual({ code: 0, stderr: "" });
    expect(short.stdout).toMatch(/^TOPIC +FIRST +LAST +RECORDS +MISSING +REPEATED .* PENDING\n/);
    expect(short.stdout).toMatch(/\n {2}2 earlier epochs, whole +\d+ +0 /);
    expect(short.stdout.match(/\n {2}epoch /g)).toHaveLength(1);
    expect(all.stdout.match(/\n {2}epoch /g)).toHaveLength(3);
    for (const { stdout } of [short, all]) {
      expect(stdout).toMatch(
        /\nWHOLE: no number is missing unannounced; [\d,]+ events of 3 epochs of 1 instance/,
      );
    }
  });

  it("shows one epoch or instance alone, by its beginning, and says when there is none", async () => {
    const { epoch, instance } = events[0]!.event;
    const one = reportOf(
      await verified(settings, "--json", "--epoch", epoch, "--instance", instance.slice(0, 13)),
    );
    expect(new Set(one.streams.map((stream) => stream.epoch))).toEqual(new Set([epoch]));
    const none = await verified(settings, "--instance", "nobody");
    expect(none.code).toBe(2);
    expect(none.stderr).toBe(
      `sluice: no event is of instance nobody; the topics know the instances ${instance} [config_invalid]\n`,
    );
  });

  it("names a record that is not there, and ends with exit code 1", async () => {
    const lost = events.find(
      ({ topic, event }) =>
        topic.endsWith("heartbeats") &&
        event.epoch === events[0]!.event.epoch &&
        Number(event.sequence) === 5,
    )!;
    const copy = await copied(({ event }) => event.id === lost.event.id);
    const ended = await verified(copy);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/^sluice: these topics do not exist: [^\n]*dead-letters\n$/);
    expect(ended.stdout).toContain(
      `MISSING: number 5 is not there, and nothing announces it: topic ${copy["kafka.topicPrefix"]}heartbeats, ` +
        `epoch ${lost.event.epoch}, instance ${lost.event.instance}; between 20`,
    );
    expect(ended.stdout).toMatch(/\nNOT WHOLE: 1 number is missing unannounced; /);
  });

  it("finds a topic that was deleted missing as a whole", async () => {
    const copy = await copied(() => false);
    const topic = `${copy["kafka.topicPrefix"]}logins`;
    const admin = clientOf(copy).admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [topic] });
    await admin.disconnect();
    const ended = await verified(copy);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain(topic);
    expect(ended.stdout).toMatch(
      /\n`sluice replay --from journal --topic logins` on the bridge's machine sends again/,
    );
    const count = events.filter(({ topic: name }) => name.endsWith("logins")).length;
    expect(count).toBeGreaterThan(10);
    expect(ended.stdout).toMatch(
      /MISSING: numbers 1 to \d+ \(\d+\) are not there.*logins.*when is not known/,
    );
    const report = reportOf(await verified(copy, "--json"));
    const ids = new Set(
      events.filter(({ topic: name }) => name.endsWith("logins")).map(({ event }) => event.id),
    );
    expect(report.streams.reduce((sum, { counts }) => sum + counts.unannounced, 0)).toBe(ids.size);
  });

  it("finds an end of a session that never began, which no number shows, and ends with exit code 1", async () => {
    const copy = await copied(() => false);
    const { topic, partition, event } = events.findLast(
      ({ event: { type } }) => type === "sluice.session.ended",
    )!;
    const number = String(1 + events.filter((one) => one.topic === topic).length).padStart(16, "0");
    const data = { ...event.data, session: { ...event.data.session, id: "never" }, startedAt: event.time };
    const value = JSON.stringify({ ...event, id: "none", sequence: number, journalseq: number, data });
    await write(copy, [
      { topic: topic.replace(settings["kafka.topicPrefix"], copy["kafka.topicPrefix"]), partition, value },
    ]);
    const { code, stdout } = await verified(copy);
    expect(code).toBe(1);
    expect(stdout).toMatch(/\n\nSESSIONS +STARTED +REFUSED .* WRONG\ninstance \S+( +\d+)+\n\n/);
    expect(stdout).toMatch(/\nUNSTARTED: 1 session without a start.*; it is never, /);
  });

  it("gives no verdict when Ctrl-C ends it, and says so", async () => {
    const copy = await copied(({ topic }) => topic.endsWith("proxies"));
    const child = spawn(process.execPath, [main, "verify"], {
      env: environment({ settings: copy }),
      stdio: ["ignore", "pipe", "pipe"],
    });
    const release = keep("process", child.pid!);
    const notices = new Log();
    createInterface({ input: child.stderr }).on("line", (line) => notices.add(line));
    const stdout = text(child.stdout);
    // Said before the first record is asked for.
    await notices.saw(/these topics do not exist/);
    child.kill("SIGINT");
    const [code] = (await once(child, "close")) as [number | null];
    release();
    expect({ code, stdout: await stdout }).toEqual({ code: 130, stdout: "" });
    expect(notices.lines.at(-1)).toBe("sluice: ended before all was read: no verdict");
  });

  it("tells a record that came twice from a number that was used twice, and passes over what is no event", async () => {
    const copy = await copied(() => false);
    const rename = (text: string): string =>
      text.replaceAll(settings["kafka.topicPrefix"], copy["kafka.topicPrefix"]);
    const [again, other] = events.filter(({ topic }) => topic.endsWith("logins")) as [TopicEvent, TopicEvent];
    await write(copy, [
      { ...again, topic: rename(again.topic) },
      {
        ...other,
        topic: rename(other.topic),
        value: JSON.stringify({ ...other.event, id: "0193b8a0-0000-7000-8000-000000000000" }),
      },
      { topic: rename(other.topic), partition: 0, value: "not ours" },
    ]);
    const { code, stdout } = await verified(copy);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /\nREUSED: 1 record has a number that another event has \(\d+\): topic \S+logins, /,
    );
    expect(stdout).toContain("\n1 record is no event of Sluice: passed over\n");
    expect(stdout).toMatch(/\nNOT WHOLE: 1 number was used twice; .*, \d+ repeated \(collapse them by id\)/);
  });
});

describeWith(["kafka"], "verify of topics", () => {
  it("that do not exist says which were looked for", async () => {
    const { code, stdout, stderr } = await verified(toKafka(await sharedKafka()));
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(
      /^sluice: .*none of these topics exists: app-\S+bridge.*is kafka\.topicPrefix right, and may we read them\?.*\n$/,
    );
  });

  it("on a fresh cluster waits for what Kafka makes for its first consumer, and ends where no record is", async () => {
    await using kafka = await startKafka();
    const settings = toKafka(kafka.brokers);
    const topic = `${settings["kafka.topicPrefix"]}logins`;
    await makeTopics(settings, [topic], 2);
    // The last offset of a transaction holds a marker that no consumer is given.
    const client = clientOf(settings);
    const producer = client.producer({
      transactionalId: "t",
      maxInFlightRequests: 1,
      idempotent: true,
      createPartitioner: Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    for (const end of ["commit", "abort"] as const) {
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: [{ partition: 0, value: end }] });
      await transaction[end]();
    }
    await producer.disconnect();
    const { code, stdout, stderr } = await verified(settings);
    expect({ code, stderr: stderr.replace(/^sluice: these topics do not exist: .*\n/, "") }).toEqual({
      code: 0,
      stderr: "",
    });
    expect(stdout).toContain("nothing to judge\n1 record is no event of Sluice");
  }, 120_000);
});
