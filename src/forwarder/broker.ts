/** The port to the broker. kafka/ implements it; test/ runs one conformance suite against every implementation. */
export interface BrokerRecord {
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Broker {
  connect(): Promise<void>;
  /** Number of partitions of a topic that exists. Rejects with kafka_topic or kafka_unavailable. */
  partitions(topic: string): Promise<number>;
  /**
   * Resolves when every record has been confirmed with error code 0 by all in-sync replicas.
   * Rejects with kafka_rejected (never retryable: some record of the batch is not wanted), kafka_denied,
   * kafka_topic or kafka_unavailable; records of a batch that failed may have been stored.
   */
  send(topic: string, partition: number, records: readonly BrokerRecord[]): Promise<void>;
  close(): Promise<void>;
}
