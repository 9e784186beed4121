import type { Clock } from "../clock.ts";
import { SluiceError } from "../errors.ts";
import type { Broker, BrokerRecord } from "../forwarder/broker.ts";
import type { Log } from "../forwarder/log.ts";
import { withAdmin } from "./admin.ts";
import { failureOf } from "./failures.ts";
import type { KafkaSettings } from "./settings.ts";
import { TopicLink } from "./topic-link.ts";

/**
 * Kafka behind the forwarder's port, in the one pattern in which kafkajs loses nothing: one partition a send, one
 * send in flight a partition (the caller's part), acks −1, not idempotent, every attempt single and with a limit,
 * and the response looked at.
 *
 * kafkajs merges the answers of several partitions wrongly when a leader moves in between (its issue 1303: records
 * reported as stored that never were); with one partition a send there is nothing to merge.
 */
export class KafkaBroker implements Broker {
  readonly #settings: KafkaSettings;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #links = new Map<string, TopicLink>();
  #turn = 0;
  #closed = false;

  constructor(settings: KafkaSettings, clock: Clock, log: Log) {
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
  }

  async partitions(topic: string): Promise<number> {
    this.#refuseWhenClosed();
    return withAdmin(this.#settings, this.#clock, this.#log, this.#turn++, async (admin) => {
      const metadata = await admin.fetchTopicMetadata({ topics: [topic] });
      const count = metadata.topics.find(({ name }) => name === topic)?.partitions.length ?? 0;
      if (count === 0) throw new SluiceError("kafka_topic", `${topic} does not exist`, { retryable: true });
      return count;
    });
  }

  async send(topic: string, partition: number, records: readonly BrokerRecord[]): Promise<void> {
    this.#refuseWhenClosed();
    if (records.length === 0) return;
    let link = this.#links.get(topic);
    if (link === undefined) {
      link = new TopicLink(topic, this.#settings, this.#clock, this.#log, this.#turn++);
      this.#links.set(topic, link);
    }
    try {
      await link.send(partition, records);
    } catch (thrown) {
      throw failureOf(thrown);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const link of this.#links.values()) link.close();
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw new SluiceError("kafka_unavailable", "the connection to Kafka is closed");
  }
}
