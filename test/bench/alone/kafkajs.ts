/**
 * kafkajs alone: batches that were made before, in their order, one in flight for each partition, with the forwarder's
 * acks and sockets, and gzip as kafkajs has it. The collector is told to clear away what reading them left.
 */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import kafkajs, { type Message } from "kafkajs";
import { systemClock } from "../../../src/clock.ts";
import type { BrokerRecord } from "../../../src/forwarder/broker.ts";
import { createClient } from "../../../src/kafka/client.ts";
import { kafkaDefaults } from "../../../src/kafka/settings.ts";
import { measuring, print, silent, work } from "./alone.ts";

export interface KafkajsWork {
  readonly brokers: readonly string[];
  readonly batchesFrom: string;
}

const { brokers, batchesFrom } = work<KafkajsWork>();
const byPlace = new Map<string, { topic: string; messages: Message[] }[]>();
let count = 0;
for await (const line of createInterface({ input: createReadStream(batchesFrom) })) {
  const { topic, partition, records } = JSON.parse(line) as {
    readonly topic: string;
    readonly partition: number;
    readonly records: readonly BrokerRecord[];
  };
  const place = `${topic} ${partition}`;
  if (!byPlace.has(place)) byPlace.set(place, []);
  const messages = records.map(({ key, value, headers }) => ({
    key,
    value,
    headers: { ...headers },
    partition,
  }));
  byPlace.get(place)!.push({ topic, messages });
  count += records.length;
}
const { kafka } = createClient({ ...kafkaDefaults, brokers }, systemClock, silent);
const producer = kafka.producer({
  createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  allowAutoTopicCreation: false,
  idempotent: false,
});
const alive = setInterval(() => {}, 1_000);
await producer.connect();
(globalThis as { gc?: () => void }).gc?.();
const measured = measuring();
await Promise.all(
  [...byPlace.values()].map(async (batches) => {
    for (const { topic, messages } of batches)
      await producer.send({
        topic,
        messages,
        acks: -1,
        compression: kafkajs.CompressionTypes.GZIP,
      });
  }),
);
const found = measured(count);
clearInterval(alive);
print(found);
