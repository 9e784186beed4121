import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import kafkajs from "kafkajs";
import { beforeAll, describe, expect, it } from "vitest";
import { describeWith } from "../../hosts/describe-with.ts";
import { type KafkaHost, startKafka } from "../../hosts/kafka.ts";
import { unique } from "../../hosts/unique.ts";
import { clientOf, countOf, createTopic, readTopics } from "../../kafka/kafka-reading.ts";
import { Frames, KafkaLink } from "./kafka-link.ts";

function frame(content: string): Buffer {
  const bytes = Buffer.alloc(4 + content.length);
  bytes.writeInt32BE(content.length);
  bytes.write(content, 4);
  return bytes;
}

describe("frames", () => {
  it("are found wherever the chunks end", () => {
    const all = [frame("one"), frame(""), frame("three and more"), frame("4")];
    const bytes = Buffer.concat(all);
    for (let size = 1; size <= bytes.length; size++) {
      const frames = new Frames();
      const found: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += size)
        found.push(...frames.take(bytes.subarray(at, at + size)));
      expect(found.map(String)).toEqual(all.map(String));
    }
  });
});

it("a request that was never answered does not count as appended: the next one takes its place", async () => {
  const header = Buffer.alloc(8);
  header.writeInt32BE(7, 4);
  const request = frame(header.toString("latin1"));
  let requests = 0;
  const broker = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", () => {
      requests += 1;
      if (requests === 1) socket.resetAndDestroy();
      else socket.write(frame("\0\0\0\x07appended"));
    });
  }).listen(0, "127.0.0.1");
  await once(broker, "listening");
  await using link = await KafkaLink.open((broker.address() as AddressInfo).port);
  const cut = link.cutAfterAppend();
  const ask = async (): Promise<string> => {
    const socket = connect(link.port, "127.0.0.1");
    socket.write(request);
    const [error] = (await once(socket, "error").catch((thrown: unknown) => [thrown])) as [Error];
    return error.message;
  };
  expect(await ask()).toContain("ECONNRESET");
  expect(await ask()).toContain("ECONNRESET");
  await cut;
  expect(requests).toBe(2);
  const passing = connect(link.port, "127.0.0.1");
  passing.write(request);
  expect(String((await once(passing, "data"))[0])).toContain("appended");
  passing.destroy();
  broker.close();
});

describeWith(["kafka"], "a link before a broker", () => {
  let host: KafkaHost;
  let link: KafkaLink;
  beforeAll(async () => {
    host = await startKafka({
      front: async (port) => {
        link = await KafkaLink.open(port);
        return link.port;
      },
    });
  });

  /** One that tries once. */
  async function onceProducer(): Promise<kafkajs.Producer> {
    const kafka = new kafkajs.Kafka({
      brokers: host.brokers,
      logLevel: kafkajs.logLevel.NOTHING,
      retry: { retries: 0 },
    });
    const producer = kafka.producer();
    await producer.connect();
    return producer;
  }

  it("loses the answer to a Produce request whose record is in the log", async () => {
    const topic = unique("appended");
    await createTopic(host.brokers, topic, 1);
    const producer = await onceProducer();
    await producer.send({ topic, messages: [{ key: "k", value: "answered", partition: 0 }] });
    const cut = link.cutAfterAppend();
    const sent = producer.send({ topic, messages: [{ key: "k", value: "lost answer", partition: 0 }] });
    await expect(sent).rejects.toThrow(/Connection|ECONNRESET|closed/i);
    await cut;
    const found = await readTopics(host.brokers, [topic], ({ length }) => length >= 2);
    expect(found.map(({ value }) => value)).toEqual(["answered", "lost answer"]);
    await producer.disconnect();
  });

  it("does so as often as it is told, and then passes all", async () => {
    const topic = unique("counted");
    await createTopic(host.brokers, topic, 1);
    const cut = link.cutAfterAppend(3);
    let lost = 0;
    for (let at = 0; at < 3; at++) {
      const producer = await onceProducer();
      await producer
        .send({ topic, messages: [{ value: String(at), partition: 0 }] })
        .catch(() => (lost += 1));
      await producer.disconnect();
    }
    await cut;
    expect(lost).toBe(3);
    const producer = await onceProducer();
    await producer.send({ topic, messages: [{ value: "3", partition: 0 }] });
    await producer.disconnect();
    expect(await countOf(host.brokers, topic)).toBe(4);
  });

  it("refuses while it is cut and passes again when healed", async () => {
    await link.cut();
    await expect(onceProducer()).rejects.toThrow(/ECONNREFUSED|Connection/);
    await link.heal();
    const admin = clientOf(host.brokers).admin();
    await admin.connect();
    expect((await admin.describeCluster()).brokers).toHaveLength(1);
    await admin.disconnect();
  });

  it("says of a wish that was not fulfilled that it was not", async () => {
    const other = await KafkaLink.open(1);
    const cut = other.cutAfterAppend(2);
    await Promise.all([
      expect(cut).rejects.toThrow("closed before 2 Produce requests"),
      other[Symbol.asyncDispose](),
    ]);
  });
});
