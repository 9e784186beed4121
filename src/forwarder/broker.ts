/** The port to the broker. kafka/ implements it; test/ runs one conformance suite against every implementation. */
export interface BrokerRecord {
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Connects when it is first used, and again whenever that is needed. */
export interface Broker {
  /** Number of partitions of a topic that exists. Rejects with kafka_topic, kafka_denied or kafka_unavailable. */
  partitions(topic: string): Promise<number>;
  /**
   * Resolves when every record has been confirmed with error code 0 by all in-sync replicas.
   * Rejects with kafka_rejected (some record of the batch is not wanted; the same batch never will be), kafka_denied,
   * kafka_topic or kafka_unavailable; records of a batch that failed may have been stored.
   * Ends within a time of its own, so that nobody else needs to watch over it.
   */
  send(topic: string, partition: number, records: readonly BrokerRecord[]): Promise<void>;
  /** What is still being sent fails. */
  close(): Promise<void>;
}
