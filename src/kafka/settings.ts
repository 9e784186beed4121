import type { TlsFiles } from "../tls/files.ts";

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
  /** null: no TLS. */
  readonly tls: TlsFiles | null;
  /** null: we do not sign in. */
  readonly sasl: KafkaSasl | null;
  /** How long a TCP (and TLS) connection may take. */
  readonly connectTimeoutMs: number;
  /** After this long without an answer a connection counts as dead. */
  readonly requestTimeoutMs: number;
}

export type KafkaSasl =
  | {
      readonly mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512";
      readonly username: string;
      readonly password: string;
    }
  | { readonly mechanism: "OAUTHBEARER"; readonly token: TokenSettings };

/** Where a token comes from: a file that somebody else keeps fresh, or an OAuth 2 token endpoint. */
export type TokenSettings = { readonly file: string } | TokenEndpoint;

export interface TokenEndpoint {
  readonly endpoint: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope: string | null;
}

export const kafkaDefaults = {
  clientId: "sluice",
  compression: "gzip",
  partitions: 6,
  replicationFactor: null,
  createTopics: true,
  tls: null,
  sasl: null,
  connectTimeoutMs: 5_000,
  requestTimeoutMs: 15_000,
} as const satisfies Omit<KafkaSettings, "brokers">;

type Optional<T> = { readonly [Key in keyof T]?: T[Key] | undefined };

/** As an operator writes them, without contradictions. */
interface Written
  extends Pick<KafkaSettings, "brokers" | "clientId" | "compression" | "partitions" | "createTopics"> {
  readonly replicationFactor?: number | undefined;
  readonly tls: TlsFiles & { readonly enabled?: boolean | undefined };
  readonly sasl: Optional<{
    mechanism: KafkaSasl["mechanism"];
    username: string;
    password: string;
    tokenEndpoint: string;
    clientId: string;
    clientSecret: string;
    scope: string;
    tokenFile: string;
  }>;
}

/** From the settings an operator writes. */
export function kafkaSettingsOf(written: Written): KafkaSettings {
  const { brokers, clientId, compression, partitions, createTopics, replicationFactor = null } = written;
  const { enabled, ca, cert, key } = written.tls;
  const tls = (enabled ?? (ca ?? cert) !== undefined) ? { ca, cert, key } : null;
  const sasl = saslOf(written.sasl);
  const same = { brokers, clientId, compression, partitions, createTopics, replicationFactor };
  return { ...kafkaDefaults, ...same, tls, sasl };
}

function saslOf(written: Written["sasl"]): KafkaSasl | null {
  const { mechanism, username = "", password = "", tokenFile } = written;
  if (mechanism === undefined) return null;
  if (mechanism !== "OAUTHBEARER") return { mechanism, username, password };
  if (tokenFile !== undefined) return { mechanism, token: { file: tokenFile } };
  const { tokenEndpoint: endpoint = "", clientId = "", clientSecret = "", scope = null } = written;
  return { mechanism, token: { endpoint, clientId, clientSecret, scope } };
}
