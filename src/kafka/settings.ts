/** What the adapter needs to know of `kafka.*`; plain data, since it crosses to the forwarder's thread. */
export interface KafkaSettings {
  /** `host:port` or `[v6]:port`, at least one. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly compression: "gzip" | "zstd" | "none";
  readonly partitions: number;
  /** null: as many as there are brokers, at most 3. */
  readonly replicationFactor: number | null;
  readonly createTopics: boolean;
  /** How long a TCP (and TLS) connection may take. */
  readonly connectTimeoutMs: number;
  /** After this long without an answer a connection counts as dead. */
  readonly requestTimeoutMs: number;
}

export const kafkaDefaults = {
  clientId: "sluice",
  compression: "gzip",
  partitions: 6,
  replicationFactor: null,
  createTopics: true,
  connectTimeoutMs: 5_000,
  requestTimeoutMs: 15_000,
} as const satisfies Omit<KafkaSettings, "brokers">;

/** From the settings an operator writes. */
export function kafkaSettingsOf(
  settings: Pick<KafkaSettings, "brokers" | "clientId" | "compression" | "partitions" | "createTopics"> & {
    readonly replicationFactor?: number | undefined;
  },
): KafkaSettings {
  const { brokers, clientId, compression, partitions, createTopics, replicationFactor = null } = settings;
  return { ...kafkaDefaults, brokers, clientId, compression, partitions, createTopics, replicationFactor };
}
