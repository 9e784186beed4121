import type { Broker, BrokerRecord } from "../forwarder/broker.ts";

export interface TopicCount {
  /** Records in all sends that were tried; more than were confirmed when some had to be repeated. */
  readonly sent: number;
  readonly confirmed: number;
}

/** A broker that keeps count of what it is given. */
export class CountingBroker implements Broker {
  readonly #broker: Broker;
  readonly #counts = new Map<string, { sent: number; confirmed: number }>();

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  countOf(topic: string): TopicCount {
    return this.#counts.get(topic) ?? { sent: 0, confirmed: 0 };
  }

  partitions(topic: string): Promise<number> {
    return this.#broker.partitions(topic);
  }

  async send(topic: string, partition: number, records: readonly BrokerRecord[]): Promise<void> {
    const count = this.#counts.get(topic) ?? { sent: 0, confirmed: 0 };
    this.#counts.set(topic, count);
    count.sent += records.length;
    await this.#broker.send(topic, partition, records);
    count.confirmed += records.length;
  }

  close(): Promise<void> {
    return this.#broker.close();
  }
}
