/**
 * The forwarder's loop alone: all of a journal to a real Kafka. Timed from its first send until Kafka has confirmed the
 * last record. Where `batchesTo` names a file, each batch is written there, for alone/kafkajs.ts to send the same.
 */
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { systemClock } from "../../../src/clock.ts";
import type { Broker, BrokerRecord } from "../../../src/forwarder/broker.ts";
import type * as JournalSources from "../../../src/forwarder/journal-source.ts";
import { keptStreams, keptTopics } from "../../../src/forwarder/kept-topics.ts";
import { defaultLimits } from "../../../src/forwarder/limits.ts";
import type * as Loops from "../../../src/forwarder/loop.ts";
import type * as Brokers from "../../../src/kafka/broker.ts";
import { partitionOf } from "../../../src/kafka/partitioner.ts";
import { kafkaDefaults } from "../../../src/kafka/settings.ts";
import { ensureTopics } from "../../../src/kafka/topics.ts";
import { type Alone, from, measuring, print, silent, work } from "./alone.ts";

export interface ForwarderWork {
  readonly tree: string;
  readonly dataDir: string;
  /** Where the cursor is kept: a new folder for each run. */
  readonly marksDir: string;
  readonly brokers: readonly string[];
  readonly topicPrefix: string;
  readonly last: number;
  readonly batchesTo?: string;
}

export interface ForwarderFound extends Alone {
  readonly batches: number;
  readonly bytes: number;
}

const { tree, dataDir, marksDir, brokers, topicPrefix, last, batchesTo } = work<ForwarderWork>();
const { ForwarderLoop } = await from<typeof Loops>(tree, "forwarder/loop.ts");
const { JournalSource, CursorMarks } = await from<typeof JournalSources>(tree, "forwarder/journal-source.ts");
const { KafkaBroker } = await from<typeof Brokers>(tree, "kafka/broker.ts");
const kafka = { ...kafkaDefaults, brokers };
await ensureTopics(keptTopics({ topicPrefix, topics: {} }, keptStreams, []), kafka, systemClock, silent, 0);

const whole: Broker = new KafkaBroker(kafka, systemClock, silent);
const file = batchesTo === undefined ? null : createWriteStream(batchesTo);
let measured: ReturnType<typeof measuring> | null = null;
let [batches, bytes] = [0, 0];
const broker: Broker = {
  partitions: (topic) => whole.partitions(topic),
  send(topic: string, partition: number, records: readonly BrokerRecord[]) {
    measured ??= measuring();
    batches++;
    for (const { value } of records) bytes += value.length;
    file?.write(`${JSON.stringify({ topic, partition, records })}\n`);
    return whole.send(topic, partition, records);
  },
  close: () => whole.close(),
};
const { promise: all, resolve } = Promise.withResolvers<void>();
const loop = new ForwarderLoop({
  source: new JournalSource(dataDir, () => {}),
  durable: { read: () => last, above: () => new Promise<void>(() => {}) },
  marks: new CursorMarks(marksDir, "i_bench", silent),
  broker,
  partitionOf,
  streams: keptStreams.map(({ name }) => name),
  projections: [],
  topicPrefix,
  topics: {},
  instance: "i_bench",
  epoch: "019b76da-a800-7000-8000-000000000000",
  deadLettersFile: `${marksDir}/dead-letters.jsonl`,
  limits: defaultLimits,
  clock: systemClock,
  random: Math.random,
  log: silent,
  listener: {
    acked: (journalseq) => journalseq >= last && resolve(),
    progress: () => {},
    trouble: ({ text }) => process.stderr.write(`${text}\n`),
    deadLetter: () => {},
    state: () => {},
  },
});
const alive = setInterval(() => {}, 1_000);
await loop.start();
await all;
const found = measured!(last);
clearInterval(alive);
if (file) {
  file.end();
  await finished(file);
}
print({ ...found, batches, bytes } as ForwarderFound);
