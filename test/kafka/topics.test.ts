/** @module-tag docker */
import kafkajs from "kafkajs";
import { expect, it } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { ensureTopics } from "../../src/kafka/topics.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { sharedKafka } from "../hosts/shared.ts";
import { unique } from "../hosts/unique.ts";
import { clientOf, createTopic, quickSettings, silentLog } from "./kafka-reading.ts";

const dayMs = 86_400_000;

describeWith(["kafka"], "topics", () => {
  it("are created with retention, partitions and the number of replicas that must be in sync", async () => {
    const brokers = await sharedKafka();
    const name = unique("made");
    const report = await ensure(brokers, [{ name, retentionMs: 30 * dayMs }], { partitions: 4 });
    expect(report).toEqual({ created: [name], differences: [] });
    const admin = clientOf(brokers).admin();
    await admin.connect();
    const { topics } = await admin.fetchTopicMetadata({ topics: [name] });
    expect(topics[0]!.partitions).toHaveLength(4);
    expect(await configOf(admin, name)).toMatchObject({
      "cleanup.policy": "delete",
      "retention.ms": String(30 * dayMs),
      "min.insync.replicas": "1",
      "compression.type": "producer",
      "message.timestamp.type": "LogAppendTime",
    });
    await admin.disconnect();
    expect(await ensure(brokers, [{ name, retentionMs: 30 * dayMs }], { partitions: 4 })).toEqual({
      created: [],
      differences: [],
    });
  });

  it("that are there are left alone, and what differs is said", async () => {
    const brokers = await sharedKafka();
    const name = unique("theirs");
    await createTopic(brokers, name, 2, { "retention.ms": "1000", "cleanup.policy": "compact" });
    const { created, differences } = await ensure(brokers, [{ name, retentionMs: dayMs }], {});
    expect(created).toEqual([]);
    expect(differences).toEqual([
      `${name}: partitions is 2, expected 6`,
      `${name}: cleanup.policy is compact, expected delete`,
      `${name}: retention.ms is 1000, expected ${dayMs}`,
      `${name}: message.timestamp.type is CreateTime, expected LogAppendTime`,
    ]);
    const admin = clientOf(brokers).admin();
    await admin.connect();
    expect(await configOf(admin, name)).toMatchObject({
      "retention.ms": "1000",
      "cleanup.policy": "compact",
    });
    await admin.disconnect();
  });

  it("that are missing are named when they may not be created", async () => {
    const brokers = await sharedKafka();
    const names = [unique("missing"), unique("missing")];
    const wanted = names.map((name) => ({ name, retentionMs: dayMs }));
    await expect(ensure(brokers, wanted, { createTopics: false })).rejects.toMatchObject({
      code: "kafka_topic",
      message: names.map((name) => `${name} is missing and kafka.createTopics is off`).join("; "),
    });
  });

  it("that the broker will not create are named with its reason", async () => {
    const brokers = await sharedKafka();
    const name = unique("impossible");
    const ensured = ensure(brokers, [{ name, retentionMs: dayMs }], { replicationFactor: 9 });
    await expect(ensured).rejects.toMatchObject({
      code: "kafka_topic",
      message: expect.stringMatching(new RegExp(`^${name} cannot be created: .*INVALID_REPLICATION_FACTOR`)),
    });
  });

  it("are created as far as possible when the broker refuses one of them", async () => {
    const brokers = await sharedKafka();
    const names = ["no/such?name", unique("beside")];
    const wanted = names.map((name) => ({ name, retentionMs: dayMs }));
    await expect(ensure(brokers, wanted, {})).rejects.toMatchObject({ code: "kafka_topic" });
    expect(await ensure(brokers, wanted.slice(1), {})).toEqual({ created: [], differences: [] });
  });

  it("cannot be asked about when Kafka is away, and that is said in time", async () => {
    const ensured = ensure(["127.0.0.1:1"], [{ name: "any", retentionMs: dayMs }], {});
    await expect(ensured).rejects.toMatchObject({ code: "kafka_unavailable", retryable: true });
  });
});

type Changes = Parameters<typeof quickSettings>[1];

function ensure(
  brokers: readonly string[],
  wanted: { name: string; retentionMs: number }[],
  changes: Changes,
) {
  return ensureTopics(wanted, quickSettings(brokers, changes), systemClock, silentLog);
}

async function configOf(admin: kafkajs.Admin, name: string): Promise<Record<string, string>> {
  const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name }];
  const { resources: found } = await admin.describeConfigs({ resources, includeSynonyms: false });
  return Object.fromEntries(
    found[0]!.configEntries.map(({ configName, configValue }) => [configName, configValue]),
  );
}
