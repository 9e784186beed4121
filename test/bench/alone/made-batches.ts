/** Batches of events as the forwarder makes them of a journal. */
import { systemClock } from "../../../src/clock.ts";
import { attributesOf, brokerRecordOf } from "../../../src/forwarder/envelope.ts";
import { keptStreams, keptTopics } from "../../../src/forwarder/kept-topics.ts";
import { partitionOf } from "../../../src/kafka/partitioner.ts";
import { kafkaDefaults } from "../../../src/kafka/settings.ts";
import { ensureTopics } from "../../../src/kafka/topics.ts";
import { silent } from "./alone.ts";
import { madeDrafts } from "./made-events.ts";

const records = 20_000;
/** As large as the forwarder's are (part forwarder). */
const batchRecords = 26;
const topicPrefix = "bench.least.";
const epoch = "019b76da-a800-7000-8000-000000000000";

/** A line for each batch, as alone/kafkajs.ts takes them, to topics that are made for it. */
export async function madeBatches(brokers: readonly string[]): Promise<string> {
  const kafka = { ...kafkaDefaults, brokers };
  await ensureTopics(keptTopics({ topicPrefix, topics: {} }, keptStreams, []), kafka, systemClock, silent, 0);
  const draft = madeDrafts(epoch);
  const lanes = new Map<string, { topic: string; partition: number; records: object[] }>();
  const lines: string[] = [];
  for (let n = 0; n < records; n++) {
    const { stream, key, render } = draft(n);
    const event = render({ sequence: n, journalseq: n });
    const record = { journalseq: n, sequence: n, epoch, stream, key, event };
    const [topic, partition] = [topicPrefix + stream, partitionOf(key, kafka.partitions)];
    const place = `${topic} ${partition}`;
    const lane = lanes.get(place) ?? { topic, partition, records: [] };
    lanes.set(place, lane);
    lane.records.push(brokerRecordOf(record, attributesOf(event)!));
    if (lane.records.length < batchRecords) continue;
    lines.push(JSON.stringify(lane));
    lanes.delete(place);
  }
  return lines.join("\n");
}
