/** @module-tag docker */
import { beforeAll, expect, it } from "vitest";
import { eventually } from "../eventually.ts";
import type { BridgeSettings } from "../hosts/bridge.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { sharedKafka } from "../hosts/shared.ts";
import { unique } from "../hosts/unique.ts";
import { clientOf, createTopic } from "../kafka/kafka-reading.ts";
import { sluice } from "./sluice.ts";

const dayMs = 86_400_000;

describeWith(["kafka"], "topics", () => {
  let brokers: string[];
  beforeAll(async () => {
    brokers = await sharedKafka();
  });

  /** All streams on one topic, beside which there are only the dead letters and, if wanted, a projection. */
  const settingsFor = (topic: string, more: BridgeSettings = {}): BridgeSettings => ({
    "kafka.brokers": brokers.join(","),
    "kafka.topics": `*=${topic},dead-letters=${topic}.letters,ecs=${topic}.ecs`,
    "kafka.partitions": 2,
    ...more,
  });

  it("that are missing are planned, created when that is confirmed, and then as they should be", async () => {
    const topic = unique("all");
    const settings = settingsFor(topic, { "events.projections": "ecs", "kafka.createTopics": false });
    const planned = await sluice(["topics", "--check"], { settings });
    expect(planned).toMatchObject({ code: 1, stderr: "" });
    expect(planned.stdout).toMatch(new RegExp(`^${topic} +create +2 +1 +90d +1 +delete$`, "m"));
    expect(planned.stdout).toContain("3 topics: 3 to create");
    expect(await listed(topic)).toEqual([]);

    const applied = await sluice(["topics", "apply", "--yes"], { settings });
    expect(applied).toMatchObject({ code: 0, stderr: "" });
    expect(applied.stdout).toContain(`${topic}.ecs: created\n`);
    expect(await listed(topic)).toEqual([topic, `${topic}.ecs`, `${topic}.letters`]);
    await eventually(async () =>
      expect(await described(topic)).toMatchObject({
        partitions: 2,
        own: { "retention.ms": String(90 * dayMs) },
      }),
    );

    const again = await sluice(["topics", "plan", "--check", "--json"], { settings });
    expect(again).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(again.stdout).topics.map(({ plan }: { plan: string }) => plan)).toEqual([
      "fits",
      "fits",
      "fits",
    ]);
  });

  it("that differ are changed in what we want of them, and keep every override of their own", async () => {
    const topic = unique("theirs");
    const letters = `${topic}.letters`;
    const own = { "max.message.bytes": "2000000", "segment.ms": "3600000" };
    await createTopic(brokers, topic, 1, { "retention.ms": "1000", "cleanup.policy": "compact", ...own });
    await createTopic(brokers, letters, 3, {
      "retention.ms": "-1",
      "message.timestamp.type": "LogAppendTime",
    });
    const settings = settingsFor(topic);

    const { code, stdout } = await sluice(["topics", "apply", "--yes"], { settings });
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^${topic} +change +1 +1 +1s → 90d +1 +compact → delete$`, "m"));
    expect(stdout).toContain(`${topic}: left: partitions 1, wanted 2: keys would go to other partitions`);
    expect(stdout).toContain(`${topic}: stays as it is: max.message.bytes=2000000, segment.ms=3600000`);
    expect(stdout).toContain(`${letters}: left: partitions 3, wanted 2: Kafka cannot take partitions away`);
    expect(stdout).toContain(
      `${letters}: left: retention.ms is -1, wanted ${90 * dayMs}: less would delete records`,
    );
    await eventually(async () =>
      expect(await described(topic)).toEqual({
        partitions: 1,
        own: {
          ...own,
          "cleanup.policy": "delete",
          "retention.ms": String(90 * dayMs),
          "message.timestamp.type": "LogAppendTime",
        },
      }),
    );
    await eventually(async () =>
      expect(await described(letters)).toEqual({
        partitions: 3,
        own: { "retention.ms": "-1", "message.timestamp.type": "LogAppendTime" },
      }),
    );

    const more = await sluice(["topics", "apply", "--yes", "--partitions", "--json"], { settings });
    expect(JSON.parse(more.stdout).applied).toEqual([{ name: topic, problem: null }]);
    await eventually(async () => expect((await described(topic)).partitions).toBe(2));
  });

  it("that the broker will not make are named with its reason, and the others are made all the same", async () => {
    const topic = unique("many");
    await createTopic(brokers, topic, 2, { "retention.ms": "1000" });
    const settings = settingsFor(topic, { "kafka.replicationFactor": 9 });
    const { code, stdout, stderr } = await sluice(["topics", "apply", "--yes"], { settings });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      new RegExp(`^sluice: ${topic}.letters cannot be created: .*INVALID_REPLICATION_FACTOR`),
    );
    expect(stdout).toContain(`${topic}: left: replication is 1, wanted 9`);
    await eventually(async () =>
      expect((await described(topic)).own).toMatchObject({ "retention.ms": String(90 * dayMs) }),
    );
    // With as many in sync as for nine replicas it could not be written any more.
    await eventually(async () =>
      expect((await described(topic)).own).not.toHaveProperty("min.insync.replicas"),
    );
  });

  it("need brokers that answer", async () => {
    const settings = settingsFor("any", { "kafka.brokers": "127.0.0.1:1" });
    expect(await sluice(["topics"], { settings })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("[kafka_unavailable]"),
    });
  });

  it("are not changed where nobody can be asked and nobody said yes", async () => {
    const topic = unique("unasked");
    const unasked = await sluice(["topics", "apply"], { settings: settingsFor(topic) });
    expect(unasked).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("needs --yes") });
    expect(await listed(topic)).toEqual([]);
  });

  async function listed(topic: string): Promise<string[]> {
    return withAdmin(async (admin) =>
      (await admin.listTopics()).filter((name) => name.startsWith(topic)).sort(),
    );
  }

  /** What was set for the topic itself. */
  async function described(topic: string): Promise<{ partitions: number; own: Record<string, string> }> {
    return withAdmin(async (admin) => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      const answer = await admin.describeConfigs({
        resources: [{ type: 2, name: topic }],
        includeSynonyms: false,
      });
      const own = answer.resources[0]!.configEntries.filter(({ configSource }) => configSource === 1);
      return {
        partitions: topics[0]!.partitions.length,
        own: Object.fromEntries(own.map(({ configName, configValue }) => [configName, configValue])),
      };
    });
  }

  type Admin = ReturnType<ReturnType<typeof clientOf>["admin"]>;

  async function withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = clientOf(brokers).admin();
    await admin.connect();
    try {
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  }
});
