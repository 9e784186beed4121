/** deploy/kafka: the rights of each part are enough in a Kafka that asks for them, and none is given for nothing. */
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import kafkajs, { type AclEntry, type Admin } from "kafkajs";
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { loadSettings } from "../../src/config/load.ts";
import { kafkaSettingsOf } from "../../src/kafka/settings.ts";
import { readTopics, type TopicReading } from "../../src/kafka/topic-reader.ts";
import { call, sluice } from "../cli/sluice.ts";
import { type BridgeHost, type BridgeSettings, startBridge } from "../hosts/bridge.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { temporaryFolder } from "../hosts/folder.ts";
import { type AuthorizedKafka, adminProperties, startAuthorizedKafka } from "../hosts/kafka-authorized.ts";
import { kafkaJava } from "../hosts/kafka-classes.ts";
import { makeTopic as makeTopicBy } from "../hosts/make-topic.ts";
import { closeWithFile } from "../hosts/open.ts";
import { run } from "../hosts/process.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;
const deployed = fileURLToPath(new URL("../../deploy/kafka/", import.meta.url));
const principal = "User:ANONYMOUS";
const anything = {
  resourceType: AclResourceTypes.ANY,
  resourcePatternType: ResourcePatternTypes.ANY,
  operation: AclOperationTypes.ANY,
  permissionType: AclPermissionTypes.ANY,
};

/** A right that nobody asks about. */
const last: AclEntry = {
  resourceType: AclResourceTypes.TOPIC,
  resourceName: "given-last",
  resourcePatternType: ResourcePatternTypes.LITERAL,
  principal,
  host: "*",
  operation: AclOperationTypes.READ,
  permissionType: AclPermissionTypes.ALLOW,
};
const isLast = ({ resourceName }: AclEntry): boolean => resourceName === last.resourceName;

let kafka: AuthorizedKafka;
let admin: Admin;
let tools: string;

/** A tool of Kafka's, as a command that comes as the administrator. */
async function tool(name: string, mainClass: string): Promise<string> {
  const { java, args } = await kafkaJava();
  const words = [java, ...args, mainClass].map((word) => `'${word}'`).join(" ");
  const script = `#!/bin/sh\ncd '${tools}'\nexec ${words} --bootstrap-server ${kafka.admin.broker} --command-config admin.properties "$@"\n`;
  await writeFile(join(tools, name), script);
  await chmod(join(tools, name), 0o755);
  return join(tools, name);
}

const recorded = new Map<string, AclEntry[]>();

/** Gives the rights of a part, and says what they are. What the script gave once is given again without it. */
async function give(part: string, prefix: string, ...more: string[]): Promise<AclEntry[]> {
  await admin.deleteAcls({ filters: [anything] });
  await inForce(0);
  const name = [part, prefix, ...more].join(" ");
  const before = recorded.get(name);
  if (before) {
    await admin.createAcls({ acl: before });
    await inForce(before.length);
    return before;
  }
  const env = { KAFKA_ACLS: join(tools, "kafka-acls"), TOPIC_PREFIX: prefix };
  await run({ program: join(deployed, "acls.sh"), args: [part, principal, ...more], env });
  await allInForce();
  const now = await rights();
  recorded.set(name, now);
  return now;
}

async function rights(): Promise<AclEntry[]> {
  const { resources } = await admin.describeAcls(anything);
  return resources.flatMap(({ acls, ...resource }) =>
    acls.map((acl) => ({ ...acl, ...resource, resourcePatternType: resource.resourcePatternType })),
  );
}

async function takeAway(right: AclEntry): Promise<void> {
  const count = (await rights()).length;
  const { filterResponses } = await admin.deleteAcls({ filters: [right] });
  expect(filterResponses.flatMap(({ matchingAcls }) => matchingAcls)).toHaveLength(1);
  await inForce(count - 1);
}

/** The controller answers before the broker, which judges and is asked here, has heard of it. */
async function inForce(count: number): Promise<void> {
  await vi.waitFor(async () => expect(await rights()).toHaveLength(count), { timeout: 30_000 });
}

/** What was given before this was called: the broker hears of rights in the order in which they were given. */
async function allInForce(): Promise<void> {
  await admin.createAcls({ acl: [last] });
  await vi.waitFor(async () => expect((await rights()).some(isLast)).toBe(true), { timeout: 30_000 });
  await admin.deleteAcls({ filters: [last] });
  await vi.waitFor(async () => expect((await rights()).some(isLast)).toBe(false), { timeout: 30_000 });
}

const named = ({ resourceType, operation }: AclEntry): string =>
  `${nameIn(AclOperationTypes, operation)} ${nameIn(AclResourceTypes, resourceType)}`;

const nameIn = (names: object, value: number): string | undefined =>
  Object.entries(names).find(([, each]) => each === value)?.[0];

function rightOf(given: readonly AclEntry[], name: string): AclEntry {
  const right = given.find((each) => named(each) === name);
  if (right === undefined) throw new Error(`${name} is none of ${given.map(named).join(", ")}`);
  return right;
}

const settingsOf = (prefix: string): BridgeSettings => ({
  "kafka.brokers": kafka.broker,
  "kafka.topicPrefix": prefix,
  "kafka.partitions": 1,
});

/** Until Kafka has confirmed what was answered. */
async function delivers(bridge: BridgeHost): Promise<void> {
  await call(bridge.url, "Login", { user: "alice", client_address: "198.51.100.7:1" });
  await vi.waitFor(
    async () => {
      const page = await (await fetch(`${bridge.adminUrl}/metrics`)).text();
      const figure = (name: string): number => Number(new RegExp(`^${name} (.*)$`, "m").exec(page)?.[1]);
      const topics = await admin.fetchTopicOffsets(`${prefixOf.get(bridge)}logins`).catch(() => []);
      expect(topics.some(({ high }) => Number(high) > 0)).toBe(true);
      expect([figure("sluice_kafka_lag_records"), figure("sluice_kafka_connected")]).toEqual([0, 1]);
    },
    { timeout: 60_000, interval: 250 },
  );
}

const prefixOf = new WeakMap<BridgeHost, string>();

async function bridgeFor(prefix: string, more: BridgeSettings = {}): Promise<BridgeHost> {
  const bridge = await startBridge({ ...settingsOf(prefix), ...more });
  prefixOf.set(bridge, prefix);
  return bridge;
}

/** But for a topic that was not made yet when the first record came. */
function complaints({ log: { lines } }: BridgeHost): string[] {
  const madeAt = lines.findIndex((line) => line.includes("topics created"));
  const isEarly = (line: string, at: number): boolean => at < madeAt && line.includes('"kafka_topic"');
  return lines.filter((line, at) => /"level":"(warn|error)"/.test(line) && !isEarly(line, at));
}

describeWith(["kafka"], "with the rights of deploy/kafka", () => {
  beforeAll(async () => {
    const folder = await temporaryFolder("kafka-acl");
    closeWithFile({ [Symbol.asyncDispose]: () => folder.remove() });
    tools = folder.path;
    kafka = await startAuthorizedKafka();
    const properties = Object.entries(adminProperties).map(([key, value]) => `${key}=${value}\n`);
    await writeFile(join(tools, "admin.properties"), properties.join(""));
    await writeFile(join(tools, "log4j2.properties"), "rootLogger.level=ERROR\n");
    await tool("kafka-acls", "org.apache.kafka.tools.AclCommand");
    await tool("kafka-topics", "org.apache.kafka.tools.TopicCommand");
    const { broker, username, password } = kafka.admin;
    const sasl = { mechanism: "plain", username, password } as const;
    const client = new kafkajs.Kafka({ brokers: [broker], sasl, logLevel: kafkajs.logLevel.NOTHING });
    admin = client.admin();
    await admin.connect();
    closeWithFile({ [Symbol.asyncDispose]: () => admin.disconnect() });
  });

  beforeEach(async () => {
    await admin.deleteAcls({ filters: [anything] });
  });

  it("a bridge makes its topics and delivers, also when it starts again, and nothing is denied", async () => {
    const given = await give("bridge", "whole.");
    expect(given.map(named).sort()).toEqual(["CREATE TOPIC", "DESCRIBE_CONFIGS TOPIC", "WRITE TOPIC"]);
    const bridge = await bridgeFor("whole.");
    await delivers(bridge);
    await bridge.restart();
    await delivers(bridge);
    await bridge.log.saw(/sluice \S+ answers/);
    expect(complaints(bridge)).toEqual([]);
    await bridge.close();
  });

  it.each([
    ["WRITE TOPIC", /kafka_denied.*TOPIC_AUTHORIZATION_FAILED/],
    ["CREATE TOPIC", /kafka_denied.*logins cannot be created: .*TOPIC_AUTHORIZATION_FAILED/],
  ])("a bridge without %s says what it lacks, and answers", async (name, said) => {
    const prefix = `${name.toLowerCase().replace(" ", "-")}.`;
    await takeAway(rightOf(await give("bridge", prefix), name));
    const bridge = await bridgeFor(prefix);
    expect(await call(bridge.url, "Login", { user: "alice" })).toMatchObject({ unchange: true });
    await bridge.log.saw(said, { timeoutMs: 60_000 });
    await bridge.close();
  });

  it("a bridge without DESCRIBE_CONFIGS delivers, and says that it cannot compare", async () => {
    const given = await give("bridge", "configs.");
    const bridge = await bridgeFor("configs.");
    await delivers(bridge);
    await takeAway(rightOf(given, "DESCRIBE_CONFIGS TOPIC"));
    await bridge.restart();
    await bridge.log.saw(/configs\.logins: its settings cannot be read: .*TOPIC_AUTHORIZATION_FAILED/, {
      timeoutMs: 60_000,
    });
    await delivers(bridge);
    await bridge.close();
  });

  it("a bridge delivers to topics that were made beforehand, and finds them as it would have made them", async () => {
    const env = {
      KAFKA_TOPICS: join(tools, "kafka-topics"),
      TOPIC_PREFIX: "made.",
      PARTITIONS: "1",
      REPLICATION: "1",
      PROJECTIONS: "flat flat-sessions",
      SINKS: "webhook",
    };
    await run({ program: join(deployed, "topics.sh"), args: [], env });
    const given = await give("forward", "made.");
    expect(await admin.listTopics()).toContain("made.dead-letters.webhook");
    expect(given.map(named).sort()).toEqual(["DESCRIBE_CONFIGS TOPIC", "WRITE TOPIC"]);
    const bridge = await bridgeFor("made.", {
      "kafka.createTopics": false,
      "events.projections": "flat",
    });
    await delivers(bridge);
    expect(complaints(bridge)).toEqual([]);
    await takeAway(rightOf(given, "WRITE TOPIC"));
    await bridge.restart();
    await call(bridge.url, "Login", { user: "alice" });
    await bridge.log.saw(/kafka_denied.*TOPIC_AUTHORIZATION_FAILED/, { timeoutMs: 60_000 });
    await bridge.close();
  });

  describe("a reader", () => {
    const commands = [["tail", "--kafka", "-n", "5"], ["verify"], ["export", "--kafka"]];

    beforeAll(async () => {
      await give("bridge", "read.");
      const bridge = await bridgeFor("read.");
      await delivers(bridge);
      await bridge.stop();
      await bridge.close();
    });

    const read = (args: readonly string[]) => sluice(args, { settings: settingsOf("read."), cwd: tools });

    it.each(commands)("does sluice %s", async (...args) => {
      const given = await give("read", "read.");
      expect(given.map(named).sort()).toEqual(["READ GROUP", "READ TOPIC"]);
      const { code, stdout, stderr } = await read(args);
      expect(code, stderr).toBe(0);
      expect(stdout).toMatch(/alice|sluice\.bridge|read\.logins/);
      expect(stderr).not.toMatch(/AUTHORIZATION/);
    });

    it.each(commands)("without the right to topics says what it lacks at sluice %s", async (...args) => {
      await takeAway(rightOf(await give("read", "read."), "READ TOPIC"));
      const blind = await read(args);
      expect(blind).toMatchObject({ code: 1, stderr: expect.stringMatching(/may we read them\?/) });
    });

    it("without the right to groups says what it lacks", async () => {
      await takeAway(rightOf(await give("read", "read."), "READ GROUP"));
      await expect(readInHaste("read.logins")).rejects.toThrow(/groups sluice-reader-\*/);
    });

    it("may not write, and of the bridge's rights none is to read", async () => {
      await give("read", "read.");
      await expect(send("read.logins")).rejects.toThrow(/not authorized/i);
      await give("bridge", "read.");
      await expect(readInHaste("read.logins")).rejects.toThrow(/may we read them\?|groups sluice-reader-/);
    });
  });

  it("a sink of another engine reads as its group, and writes to its own dead letters alone", async () => {
    await give("bridge", "feeds.");
    for (const topic of ["feeds.logins", "feeds.dead-letters", "feeds.dead-letters.webhook"])
      await makeTopic(topic);
    await send("feeds.logins");
    await give("sink", "feeds.", "webhook");
    expect(await firstOf("feeds.logins", "sluice-webhook")).toBe("x");
    await send("feeds.dead-letters.webhook");
    for (const topic of ["feeds.dead-letters", "feeds.logins"])
      await expect(send(topic)).rejects.toThrow(/not authorized/i);
    await expect(firstOf("feeds.logins", "sluice-s3", 2)).rejects.toThrow("group coordinator");
  });

  it("a sink of Kafka Connect reads, and puts what it cannot take where dead letters lie", async () => {
    await give("bridge", "sinks.");
    const bridge = await bridgeFor("sinks.");
    await delivers(bridge);
    await bridge.close();
    await give("connect", "sinks.");
    expect(await firstOf("sinks.logins", "connect-sluice-flat")).toContain("sluice.login.allowed");
    await makeTopic("sinks.connect-dead-letters");
    await send("sinks.connect-dead-letters");
    await makeTopic("sluice-connect-offsets");
    await send("sluice-connect-offsets");
    expect(await firstOf("sluice-connect-offsets", "sluice-connect")).toBe("x");
    await expect(send("sinks.logins")).rejects.toThrow(/not authorized/i);
    await expect(firstOf("sinks.logins", "another", 2)).rejects.toThrow("group coordinator");
  });
});

/** As User:ANONYMOUS. */
function client(): kafkajs.Kafka {
  const retry = { retries: 3 };
  return new kafkajs.Kafka({ brokers: [kafka.broker], logLevel: kafkajs.logLevel.NOTHING, retry });
}

/** As sluice tail --kafka reads, by a clock that does not wait for a coordinator that never comes. */
async function readInHaste(topic: string): Promise<void> {
  const { settings } = loadSettings(null, { SLUICE_KAFKA_BROKERS: kafka.broker });
  const hasty = { ...systemClock, monotonic: () => systemClock.monotonic() * 1000 };
  const quiet = { debug() {}, info() {}, warn() {}, error() {} };
  const reading: TopicReading = {
    topics: [topic],
    last: 1,
    follow: false,
    signal: new AbortController().signal,
    onRecord() {},
    onCaughtUp() {},
  };
  await readTopics(reading, kafkaSettingsOf(settings.kafka), hasty, quiet);
}

async function makeTopic(topic: string): Promise<void> {
  const own = client().admin();
  await own.connect();
  await makeTopicBy(own, { topic, numPartitions: 1, replicationFactor: 1 });
  await own.disconnect();
}

async function send(topic: string): Promise<void> {
  const createPartitioner = kafkajs.Partitioners.DefaultPartitioner;
  const producer = client().producer({ createPartitioner });
  await producer.connect();
  await producer.send({ topic, messages: [{ value: "x" }] }).finally(() => producer.disconnect());
}

/**
 * The value of the first record that a group gets.
 * @param retries of themselves longer than the coordinator of a new topic of offsets takes to load
 */
async function firstOf(topic: string, groupId: string, retries = 40): Promise<string> {
  const retry = { retries, initialRetryTime: 50, maxRetryTime: 500 };
  const consumer = client().consumer({ groupId, retry });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  consumer.on(consumer.events.CRASH, ({ payload: { error } }) => reject(error));
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({ eachMessage: async ({ message }) => resolve(String(message.value)) });
    return await promise;
  } finally {
    await consumer.disconnect();
  }
}
