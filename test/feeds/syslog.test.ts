/** connectors/syslog, run by a real rsyslogd between a real Kafka and a receiver that takes nothing but RFC 5425. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect, it } from "vitest";
import { ruledBy, toKafka } from "../app/stack.ts";
import { startBridge } from "../hosts/bridge.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { temporaryFolder } from "../hosts/folder.ts";
import { closeWithFile } from "../hosts/open.ts";
import { connectorConf, makeRsyslog, problemsIn } from "../hosts/rsyslog.ts";
import { unique } from "../hosts/unique.ts";
import { clientOf, readTopics } from "../kafka/kafka-reading.ts";
import { environment, type Feed, makeFeed, ocsfRecord, ocsfRecords, sdId } from "./syslog-feed.ts";

const sinkDownMs = Number(process.env.SLUICE_TEST_SINK_DOWN_MS ?? 500);

/** What users of a frps may call themselves and their proxies. */
const rubbish = [
  "line\n<13>1 2026-01-01T00:00:00Z forged app 1 ID - all is well",
  "crlf\r\n0 \r\n",
  "nul\0behind",
  "\u0001\u0007\u001b[31mred\u001b[0m\u007f",
  "\u0080\u0085\u009f\u2028\u2029\u202ereversed",
  'quote"] [forged@1 a="b"] \\"',
  "%rawmsg% $!metadata!uid %$myhostname% `echo x`",
  "ünï 漢字 \u{1f600} \ud800lone",
  "long ".repeat(20_000),
  "",
];

describeWith(["kafka", "rsyslog"], "syslog over TLS", () => {
  it("rsyslog's own check has nothing against the configuration, and finds what is misspelt", async () => {
    expect(await problemsIn(connectorConf, environment({ SYSLOG_CA: connectorConf }))).toBe("");
    const misspelt = await changed((conf) => conf.replace("TCP_Framing", "TCP_Frames"));
    expect(await problemsIn(misspelt, environment({ SYSLOG_CA: connectorConf }))).toMatch(/TCP_Frames/i);
  });

  it("every event of a bridge comes as it stands on its topic, whatever names hold", async () => {
    const { "kafka.topicPrefix": prefix } = toKafka([]);
    const feed = await makeFeed(prefix);
    await feed.receive();
    await feed.rsyslog.start();
    const rules = await ruledBy({ "user:mallory": "deny moved away" });
    const kafka = { "kafka.brokers": feed.brokers.join(","), "kafka.topicPrefix": prefix };
    const bridge = await startBridge({ ...kafka, ...rules, "events.projections": "ocsf" });
    const ask = (op: string, content: object) =>
      fetch(bridge.url, { method: "POST", body: JSON.stringify({ version: "0.1.0", op, content }) });
    for (const name of rubbish) {
      await ask("Login", { user: name, hostname: name, metas: { [name]: name } });
      await ask("NewProxy", { user: { user: name, run_id: "r" }, proxy_name: name, proxy_type: "tcp" });
    }
    await ask("Login", { user: "mallory" });
    await ask("NewProxy", { user: { user: "mallory" }, proxy_name: "mallory.x", proxy_type: "tcp" });
    await ask(rubbish[0]!, {});
    await ask("Login", { user: "the-last" });

    const lastOf = (read: readonly { value: string }[]): number => {
      const last = read.find(({ value }) => value.includes("the-last"));
      return last === undefined ? Number.POSITIVE_INFINITY : JSON.parse(last.value).metadata.sequence;
    };
    const records = await readTopics(feed.brokers, [feed.env.TOPIC!], (read) => read.length >= lastOf(read));
    const events = new Map(records.map(({ value }) => [JSON.parse(value).metadata.uid as string, value]));
    const last = lastOf(records);
    await feed.receiver.until(() => feed.missing(last).length === 0, "every event");
    const messages = feed.receiver.messages.filter(({ data }) => Number(data[sdId]!.sequence) <= last);

    for (const message of messages) {
      const { text, appName, procId, msgId, timestamp, data } = message;
      expect(text).toBe(events.get(data[sdId]!.id!));
      const { metadata, unmapped, time } = JSON.parse(text);
      expect({ appName, procId, msgId, at: Date.parse(timestamp), data }).toEqual({
        appName: "sluice",
        procId: unmapped.epoch,
        msgId: metadata.event_code,
        at: time,
        data: {
          [sdId]: {
            id: metadata.uid,
            instance: unmapped.instance,
            topic: metadata.log_name,
            sequence: String(metadata.sequence),
          },
        },
      });
    }
    expect(feed.receiver.faults).toEqual([]);
    const ranks = messages.map(({ msgId, facility, severity }) => [msgId, [facility, severity]]);
    expect(Object.fromEntries(ranks)).toMatchObject({
      "sluice.login.allowed": [10, 6],
      "sluice.login.refused": [10, 4],
      "sluice.proxy.refused": [16, 5],
      "sluice.bridge.started": [13, 6],
    });
    const texts = messages.map(({ text }) => text).join("\n");
    expect(texts).toContain(JSON.stringify(rubbish[0]));
  }, 60_000);

  it("what is no event goes to the dead letters as it is, and the rest goes on, up to the largest record", async () => {
    const feed = await makeFeed();
    await feed.receive();
    await feed.rsyslog.start();
    const event = (more: object) => ocsfRecord(999, more);
    const poison = [
      "no JSON",
      '{"half":',
      '"text"',
      "[]",
      "{}",
      " \n",
      "<134>1 2026-01-01T00:00:00Z forged app 1 ID - all is well",
      `${event({})}\n<13>1 - forged - - - - all is well`,
      JSON.stringify(JSON.parse(event({})), null, 2),
      event({ unmapped: { instance: "i_febac4621cd381bf", epoch: '"] [forged@1 a="b' } }),
      event({ severity_id: "high" }),
      event({ time: "now" }),
      Buffer.concat([Buffer.from(`{"x":"`), Buffer.from([0xe9, 0x80, 0x22]), Buffer.from(event({}))]),
      Buffer.from(event({ name: "caf\u00e9" }), "latin1"),
    ].map((value) => Buffer.from(value));
    // rsyslog's queue ends a record at a NUL.
    const [withNul, itsDeadLetter] = [Buffer.from("nul\0behind"), Buffer.from("nul")];
    const mostBytes = 1_000_000;
    const filled = (name: string): string => ocsfRecord(3, { name });
    const largest = filled("x".repeat(mostBytes - filled("").length));
    const mixed = [ocsfRecord(1), ...poison, withNul, ocsfRecord(2, { name: "\u007f\u0085漢\u{1f600}" })];
    await feed.send([...mixed, largest, ocsfRecord(4)]);

    await feed.receiver.until(() => feed.missing(4).length === 0, "the events");
    const dead = await valuesOf(feed, feed.env.DEAD_LETTERS!, poison.length + 1);
    const texts = (values: Buffer[]) => values.map((value) => value.toString("latin1")).sort();
    expect(texts(dead)).toEqual(texts([...poison, itsDeadLetter]));
    const longest = feed.receiver.messages.map(({ text }) => text).find(({ length }) => length > 100_000);
    expect(longest === largest).toBe(true);
    expect(feed.receiver.messages).toHaveLength(4);
    expect(feed.receiver.faults).toEqual([]);
  });

  it("what rsyslog alone still has while the receiver is away survives that it is killed", async () => {
    const feed = await makeFeed(undefined, { COMMIT_MS: "100" });
    await feed.receive();
    await feed.rsyslog.start();
    await feed.send(ocsfRecords(1, 100));
    await feed.receiver.until(() => feed.missing(100).length === 0, "what came before");

    await feed.receiver.crash();
    await feed.send(ocsfRecords(101, 300));
    await feed.committed(300);
    await pause(sinkDownMs);
    await feed.rsyslog.kill();
    await feed.send(ocsfRecords(301, 400));
    await feed.rsyslog.start();
    await feed.receive();
    await feed.receiver.until(() => feed.missing(400).length === 0, "all");
    expectDuplicatesToBeAlike(feed);
  });

  it("nothing is lost when rsyslog is stopped, then killed, while it sends", async () => {
    const feed = await makeFeed();
    await feed.receive();
    await feed.send(ocsfRecords(1, 3_000));
    const left = (count: number) => () => feed.missing(3_000).length <= count;
    await feed.rsyslog.start();
    await feed.receiver.until(left(2_800), "the first");
    await feed.rsyslog.stop();
    await feed.rsyslog.start();
    await feed.receiver.until(left(1_500), "half of them");
    await feed.rsyslog.kill();
    await feed.rsyslog.start();
    await feed.receiver.until(left(0), "all");
    expectDuplicatesToBeAlike(feed);
  }, 60_000);

  it("a server of another name gets nothing, and the right one everything afterwards", async () => {
    const feed = await makeFeed();
    await feed.receive("other.example.test");
    await feed.rsyslog.start();
    await feed.send(ocsfRecords(1, 10));
    await feed.rsyslog.log.saw(/peer name not authorized/);
    expect(feed.receiver.messages).toEqual([]);
    await feed.receiver.crash();
    await feed.receive();
    await feed.receiver.until(() => feed.missing(10).length === 0, "all");
  });

  it("a receiver that says goodbye costs one record, which shows by number, and a new group brings it, ids unchanged", async () => {
    const feed = await makeFeed();
    await feed.receive();
    await feed.rsyslog.start();
    await feed.send(ocsfRecords(1, 100));
    await feed.receiver.until(() => feed.missing(100).length === 0, "what came before");
    // rsyslog reads nothing of the goodbye, and writes to a connection that is gone.
    await feed.receiver.stop();
    await feed.send(ocsfRecords(101, 200));
    await feed.rsyslog.log.saw(/action 'receiver' suspended/);
    await feed.receive();
    await feed.send(ocsfRecords(201, 300));
    await feed.receiver.until(() => feed.missing(300).every((number) => number < 200), "what came later");
    expect(feed.missing(300)).toHaveLength(1);

    await feed.rsyslog.stop();
    const again = await makeRsyslog(connectorConf, { ...feed.env, GROUP_ID: unique("again") });
    await again.start();
    await feed.receiver.until(() => feed.missing(300).length === 0, "what was lost");
    expect(idsOf(feed).size).toBe(300);
    expectDuplicatesToBeAlike(feed);
  });
});

function idsOf({ receiver }: Feed): Set<string | undefined> {
  return new Set(receiver.messages.map(({ data }) => data[sdId]?.id));
}

/** The same id is the same event, and no frame was broken by what happened to the connections. */
function expectDuplicatesToBeAlike({ receiver }: Feed): void {
  expect(new Set(receiver.messages.map(({ text }) => text)).size).toBe(idsOf({ receiver } as Feed).size);
  expect(receiver.faults.filter((fault) => !fault.startsWith("connection"))).toEqual([]);
}

async function changed(change: (conf: string) => string): Promise<string> {
  const folder = await temporaryFolder("conf");
  closeWithFile({ [Symbol.asyncDispose]: () => folder.remove() });
  const file = join(folder.path, "rsyslog.conf");
  await writeFile(file, change(await readFile(connectorConf, "utf8")));
  return file;
}

async function valuesOf({ brokers }: Feed, topic: string, count: number): Promise<Buffer[]> {
  const consumer = clientOf(brokers).consumer({ groupId: unique("dead"), maxWaitTimeInMs: 200 });
  const values: Buffer[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message }) => {
      values.push(message.value!);
      if (values.length >= count) resolve();
    },
  });
  await promise.finally(() => consumer.disconnect());
  return values;
}
