/** What the faults of one run stand on: three brokers, each behind a link, and one who reads all topics. */
import { systemClock } from "../../src/clock.ts";
import { streamNames } from "../../src/events/streams.ts";
import { deadLettersTopic } from "../../src/forwarder/kept-topics.ts";
import { kafkaDefaults } from "../../src/kafka/settings.ts";
import { ensureTopics } from "../../src/kafka/topics.ts";
import { startKafka } from "../hosts/kafka.ts";
import type { Server } from "../hosts/server.ts";
import { unique } from "../hosts/unique.ts";
import { KafkaLink } from "./tools/kafka-link.ts";
import { Witness } from "./witness.ts";

export interface Ground {
  readonly brokers: readonly string[];
  /** The brokers themselves. */
  readonly nodes: readonly Server[];
  /** Before each broker, in their order. */
  readonly links: readonly KafkaLink[];
  readonly topicPrefix: string;
  readonly witness: Witness;
}

const partitions = 3;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

export async function layGround(): Promise<Ground> {
  const links: KafkaLink[] = [];
  const kafka = await startKafka({
    nodes: 3,
    front: async (port) => {
      const link = await KafkaLink.open(port);
      links.push(link);
      return link.port;
    },
  });
  const inOrder = kafka.brokers.map((broker) => links.find(({ port }) => broker.endsWith(`:${port}`))!);
  const topicPrefix = `${unique("faults")}.`;
  const wanted = [...streamNames, deadLettersTopic].map((stream) => ({
    name: topicPrefix + stream,
    retentionMs: 24 * 3_600_000,
  }));
  const settings = { ...kafkaDefaults, brokers: kafka.brokers, partitions, clientId: "faults" };
  await ensureTopics(wanted, settings, systemClock, silent);
  const witness = await Witness.watch(kafka.brokers, topicPrefix);
  return { brokers: kafka.brokers, nodes: kafka.nodes, links: inOrder, topicPrefix, witness };
}
