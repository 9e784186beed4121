/** @module-tag docker */
import { beforeAll, expect, it } from "vitest";
import { kafkaFindings } from "../../../src/cli/doctor/kafka.ts";
import { systemClock } from "../../../src/clock.ts";
import type { BridgeSettings } from "../../hosts/bridge.ts";
import { describeWith } from "../../hosts/describe-with.ts";
import { freePort } from "../../hosts/ports.ts";
import { sharedKafka } from "../../hosts/shared.ts";
import { unique } from "../../hosts/unique.ts";
import { clientOf, createTopic } from "../../kafka/kafka-reading.ts";
import { settingsOf } from "./settings-of.ts";

const wanted = { "retention.ms": String(90 * 86_400_000), "message.timestamp.type": "LogAppendTime" };

describeWith(["kafka"], "doctor on Kafka", () => {
  let brokers: string;
  let topic: string;
  beforeAll(async () => {
    brokers = (await sharedKafka()).join(",");
  });

  async function found(more: BridgeSettings = {}): Promise<Record<string, string>> {
    const topics = `*=${topic},dead-letters=${topic}.letters`;
    const settings = settingsOf({
      "kafka.brokers": brokers,
      "kafka.topics": topics,
      "kafka.partitions": 1,
      ...more,
    });
    const findings = await kafkaFindings(settings, systemClock);
    for (const { level, next } of findings) expect(next === null).toBe(level === "green");
    return Object.fromEntries(findings.map(({ what, level, seen }) => [what, `${level}: ${seen}`]));
  }

  it("says which topics are missing, who creates them and whether that would work, and creates none", async () => {
    topic = unique("missing");
    const both = `2 missing: ${topic}, ${topic}.letters`;
    expect(await found()).toMatchObject({
      brokers: expect.stringMatching(/^green: 1 in the cluster, Kafka \d/),
      missing: `green: ${both}; the bridge creates them at its start`,
    });
    expect(await found({ "kafka.createTopics": false })).toMatchObject({
      missing: `red: ${both}; kafka.createTopics is off`,
    });
    expect(await found({ "kafka.replicationFactor": 9 })).toMatchObject({
      missing: expect.stringMatching(/^red: 2 of 2: .*INVALID_REPLICATION_FACTOR/),
    });
    const admin = clientOf(brokers.split(",")).admin();
    await admin.connect();
    expect((await admin.listTopics()).filter((name) => name.startsWith(topic))).toEqual([]);
    await admin.disconnect();
  });

  it("names topics that do not fit", async () => {
    topic = unique("unfit");
    await createTopic(brokers.split(","), topic, 2, wanted);
    await createTopic(brokers.split(","), `${topic}.letters`, 1, wanted);
    expect(await found()).toMatchObject({
      topics: `yellow: 1 of 2 are not as they should be: ${topic}`,
      replicas: expect.stringMatching(/^green/),
      rights: "green: Write and DescribeConfigs on the topics that are there",
    });
  });

  it("says which partitions take nothing, for want of replicas in sync", async () => {
    topic = unique("stuck");
    await createTopic(brokers.split(","), topic, 1, { ...wanted, "min.insync.replicas": "2" });
    expect(await found()).toMatchObject({ replicas: `red: 1 partitions take no event now: ${topic}-0` });
  });

  it("names brokers that do not answer, beside others that do and alone", async () => {
    topic = unique("away");
    const away = `127.0.0.1:${await freePort()}`;
    const some = await found({ "kafka.brokers": `${away},${brokers}` });
    expect(some.broker).toMatch(new RegExp(`^yellow: ${away}: .*ECONNREFUSED.*others answer$`));
    expect(some.brokers).toMatch(/^green/);
    const none = await found({ "kafka.brokers": away });
    expect(none).toEqual({ broker: expect.stringMatching(new RegExp(`^red: ${away}: .*ECONNREFUSED`)) });
  });
});
