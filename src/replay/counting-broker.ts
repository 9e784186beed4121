import { SluiceError } from "../errors.ts";
import type { Broker, BrokerRecord } from "../forwarder/broker.ts";

export interface TopicCount {
  /** Records in all sends that were tried; more than were confirmed when some had to be repeated. */
  readonly sent: number;
  /** By the topic as it is now: what it confirmed before it was missing does not count, and may be sent once more. */
  readonly confirmed: number;
  /** It was missing, or made anew, after it had confirmed something. */
  readonly wentAway: boolean;
}

/** A broker that keeps count of what it is given, and notices when a topic goes away with what it had confirmed. */
export class CountingBroker implements Broker {
  readonly #broker: Broker;
  readonly #counts = new Map<string, Count>();

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  countOf(topic: string): TopicCount {
    const { sent, confirmed, wentAway } = this.#at(topic);
    return { sent, confirmed, wentAway };
  }

  /** Looks whether the topics are still there: of one that was deleted after the last send to it no send tells. */
  async lookAgain(topics: readonly string[]): Promise<void> {
    await Promise.allSettled(topics.map((topic) => this.partitions(topic)));
  }

  async partitions(topic: string): Promise<number> {
    const count = this.#at(topic);
    const partitions = await count.noticing(this.#broker.partitions(topic));
    if (count.partitions !== null && count.partitions !== partitions) count.missed();
    count.partitions = partitions;
    return partitions;
  }

  async send(topic: string, partition: number, records: readonly BrokerRecord[]): Promise<void> {
    const count = this.#at(topic);
    const { misses } = count;
    count.sent += records.length;
    await count.noticing(this.#broker.send(topic, partition, records));
    // Begun before the topic was missing, it may have gone to the one that is gone.
    if (count.misses === misses) count.confirmed += records.length;
    else count.wentAway = true;
  }

  close(): Promise<void> {
    return this.#broker.close();
  }

  #at(topic: string): Count {
    const count = this.#counts.get(topic) ?? new Count();
    this.#counts.set(topic, count);
    return count;
  }
}

class Count {
  sent = 0;
  confirmed = 0;
  wentAway = false;
  misses = 0;
  /** As the broker said last. */
  partitions: number | null = null;

  missed(): void {
    this.misses += 1;
    if (this.confirmed > 0) this.wentAway = true;
    this.confirmed = 0;
  }

  async noticing<T>(asked: Promise<T>): Promise<T> {
    try {
      return await asked;
    } catch (thrown) {
      if (thrown instanceof SluiceError && thrown.code === "kafka_topic") this.missed();
      throw thrown;
    }
  }
}
