import { expect, it } from "vitest";
import type { SluiceError } from "../../src/errors.ts";
import type { Broker, BrokerRecord } from "../../src/forwarder/broker.ts";

/** What the suite needs of a broker under test, besides the port. */
export interface BrokerUnderTest {
  readonly broker: Broker;
  createTopic(name: string, partitions: number): Promise<void>;
  /** All that is stored in a partition, in order; there are `count` records, or more are to come. */
  read(topic: string, partition: number, count: number): Promise<readonly BrokerRecord[]>;
  count(topic: string): Promise<number>;
  /** From now on it answers nothing, or says no. */
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
}

/** The guarantees of the port; every implementation is held to them. */
export function brokerConformance(make: () => Promise<BrokerUnderTest>, topicName: () => string): void {
  it("stores what it confirms, unchanged and in order", async () => {
    const { broker, createTopic, read } = await make();
    const topic = topicName();
    await createTopic(topic, 2);
    const records = Array.from({ length: 300 }, (_, n) => record(`k${n}`, `{"n":${n},"text":"ä€😀"}`));
    await broker.send(topic, 1, records.slice(0, 200));
    await broker.send(topic, 1, records.slice(200));
    expect(await read(topic, 1, 300)).toEqual(records);
    await broker.close();
  });

  it("says how many partitions a topic has, and that a missing one is missing", async () => {
    const { broker, createTopic } = await make();
    const topic = topicName();
    await createTopic(topic, 3);
    expect(await broker.partitions(topic)).toBe(3);
    await expect(broker.partitions(topicName())).rejects.toMatchObject({ code: "kafka_topic" });
    await broker.close();
  });

  it("does not take a send to a topic or partition that is not there for stored", async () => {
    const { broker, createTopic, count } = await make();
    const topic = topicName();
    await createTopic(topic, 1);
    await broker.send(topic, 0, [record("k", "1")]);
    await expect(broker.send(topicName(), 0, [record("k", "2")])).rejects.toMatchObject({
      code: "kafka_topic",
    });
    await expect(broker.send(topic, 7, [record("k", "3")])).rejects.toThrow();
    expect(await count(topic)).toBe(1);
    await broker.close();
  });

  it("rejects a batch that the broker does not want, stores none of it, and goes on", async () => {
    const { broker, createTopic, count } = await make();
    const topic = topicName();
    await createTopic(topic, 1);
    const huge = record("k", randomText(1_500_000));
    await expect(broker.send(topic, 0, [record("k", "1"), huge])).rejects.toMatchObject({
      code: "kafka_rejected",
      retryable: false,
    });
    await broker.send(topic, 0, [record("k", "1")]);
    expect(await count(topic)).toBe(1);
    await broker.close();
  });

  it("sends to several topics and partitions at once", async () => {
    const { broker, createTopic, count } = await make();
    const topics = [topicName(), topicName()];
    for (const topic of topics) await createTopic(topic, 3);
    const sends = topics.flatMap((topic) =>
      [0, 1, 2].map((partition) => broker.send(topic, partition, [record("k", "1"), record("k", "2")])),
    );
    await Promise.all(sends);
    for (const topic of topics) expect(await count(topic)).toBe(6);
    await broker.close();
  });

  it("ends a send while the broker is away, and works again when it is back", async () => {
    const { broker, createTopic, count, goAway, comeBack } = await make();
    const topic = topicName();
    await createTopic(topic, 1);
    await broker.send(topic, 0, [record("k", "1")]);
    await goAway();
    const away = { code: "kafka_unavailable", retryable: true };
    await expect(broker.send(topic, 0, [record("k", "2")])).rejects.toMatchObject(away);
    await expect(broker.send(topic, 0, [record("k", "2")])).rejects.toMatchObject(away);
    await expect(broker.partitions(topic)).rejects.toMatchObject(away);
    await comeBack();
    await sendAtLast(broker, topic, record("k", "3"));
    expect(await count(topic)).toBeGreaterThanOrEqual(2);
    await broker.close();
  }, 60_000);

  it("sends nothing once it is closed", async () => {
    const { broker, createTopic, count } = await make();
    const topic = topicName();
    await createTopic(topic, 1);
    await broker.send(topic, 0, [record("k", "1")]);
    await broker.close();
    await expect(broker.send(topic, 0, [record("k", "2")])).rejects.toMatchObject({
      code: "kafka_unavailable",
    });
    expect(await count(topic)).toBe(1);
  });
}

/** As the forwarder does: a failure that says it may pass is tried again. A broker that came back needs a moment. */
export async function sendAtLast(broker: Broker, topic: string, ...records: BrokerRecord[]): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await broker.send(topic, 0, records);
    } catch (thrown) {
      if (attempt === 100 || !(thrown as SluiceError).retryable) throw thrown;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

function record(key: string, value: string): BrokerRecord {
  return { key, value, headers: { "content-type": "application/json", ce_id: `${key}:${value.length}` } };
}

/** Text that no compression makes small. */
function randomText(length: number): string {
  const bytes = new Uint8Array(48_000);
  let text = "";
  while (text.length < length) text += Buffer.from(crypto.getRandomValues(bytes)).toString("base64");
  return text.slice(0, length);
}
