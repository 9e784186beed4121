/**
 * kafkajs alone: batches that were made before, in their order, one in flight for each partition, with the forwarder's
 * acks and sockets, and gzip as kafkajs has it. The collector is told to clear away what reading them left.
 * With `perSecond` records a second, over and over from when it says `sends` until it is ended.
 */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import kafkajs, { type Message } from "kafkajs";
import { systemClock } from "../../../src/clock.ts";
import type { BrokerRecord } from "../../../src/forwarder/broker.ts";
import { createClient } from "../../../src/kafka/client.ts";
import { kafkaDefaults } from "../../../src/kafka/settings.ts";
import { measuring, print, silent, work } from "./alone.ts";

export interface KafkajsWork {
  readonly brokers: readonly string[];
  readonly batchesFrom: string;
  readonly perSecond?: number;
}

const { brokers, batchesFrom, perSecond } = work<KafkajsWork>();
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
const beganMs = performance.now();
let sent = 0;

async function sendAll(batches: readonly { topic: string; messages: Message[] }[]): Promise<void> {
  for (const { topic, messages } of batches) {
    if (perSecond !== undefined) await delay((sent / perSecond) * 1000 - (performance.now() - beganMs));
    sent += messages.length;
    await producer.send({ topic, messages, acks: -1, compression: kafkajs.CompressionTypes.GZIP });
  }
}

if (perSecond !== undefined) process.stdout.write("sends\n");
do await Promise.all([...byPlace.values()].map(sendAll));
while (perSecond !== undefined);
const found = measured(count);
clearInterval(alive);
print(found);
