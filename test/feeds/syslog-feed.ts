/** Records for the connector of connectors/syslog, a rsyslogd that runs it, and a receiver with its own certificate. */
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { connectorConf, makeRsyslog, type RsyslogHost } from "../hosts/rsyslog.ts";
import { sharedKafka } from "../hosts/shared.ts";
import { unique } from "../hosts/unique.ts";
import { clientOf, createTopic } from "../kafka/kafka-reading.ts";
import { makeCertificates, SyslogReceiver } from "./syslog-receiver.ts";

export const receiverName = "syslog.example.test";
export const sdId = "sluice@32473";

export type Environment = Record<string, string>;

/** What connectors/syslog/rsyslog.env names, but for SPOOL. */
export function environment(own: Environment): Environment {
  return {
    KAFKA_BROKERS: "127.0.0.1:9092",
    KAFKA_SECURITY: "plaintext",
    KAFKA_CA: "/etc/ssl/certs/ca-certificates.crt",
    KAFKA_SASL_MECHANISM: "PLAIN",
    KAFKA_USERNAME: "sluice",
    KAFKA_PASSWORD: "secret",
    TOPIC: "sluice.ocsf",
    DEAD_LETTERS: "sluice.dead-letters.syslog",
    GROUP_ID: unique("syslog"),
    GROUP_MEMBER: "1",
    COMMIT_MS: "60000",
    SYSLOG_HOST: "127.0.0.1",
    SYSLOG_PORT: "6514",
    SYSLOG_NAME: receiverName,
    SYSLOG_CA: "",
    ...own,
  };
}

export interface Feed {
  readonly brokers: string[];
  readonly env: Environment;
  readonly receiver: SyslogReceiver;
  /** Not started. */
  readonly rsyslog: RsyslogHost;
  /** Has the receiver take connections, by default under the name that rsyslog asks for. */
  receive(name?: string): Promise<void>;
  send(values: readonly (string | Buffer)[]): Promise<void>;
  /** Resolves when rsyslog's group will not read again what has been sent. */
  committed(count: number): Promise<void>;
  /** Numbers up to `last` that no message has had. */
  missing(last: number): number[];
}

export async function makeFeed(prefix = `${unique("syslog")}.`, own: Environment = {}): Promise<Feed> {
  const brokers = await sharedKafka();
  const [topic, deadLetters] = [`${prefix}ocsf`, `${prefix}dead-letters.syslog`];
  await createTopic(brokers, topic, 2);
  await createTopic(brokers, deadLetters, 1);
  const certificates = await makeCertificates();
  const receiver = await SyslogReceiver.away();
  const env = environment({
    KAFKA_BROKERS: brokers.join(","),
    TOPIC: topic,
    DEAD_LETTERS: deadLetters,
    SYSLOG_PORT: String(receiver.port),
    SYSLOG_CA: certificates.ca,
    ...own,
  });
  return {
    brokers,
    env,
    receiver,
    rsyslog: await makeRsyslog(connectorConf, env),
    receive: async (name = receiverName) => receiver.start(await certificates.of(name)),
    async send(values) {
      const producer = clientOf(brokers).producer();
      await producer.connect();
      const messages = values.map((value, index) => ({ value, partition: index % 2 }));
      await producer.send({ topic, messages });
      await producer.disconnect();
    },
    async committed(count) {
      const admin = clientOf(brokers).admin();
      await admin.connect();
      const offsets = async (): Promise<number> => {
        const [group] = await admin.fetchOffsets({ groupId: env.GROUP_ID!, topics: [topic] });
        return group!.partitions.reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
      };
      while ((await offsets()) < count) await pause(50);
      await admin.disconnect();
    },
    missing(last) {
      const seen = new Set(receiver.messages.map(({ data }) => Number(data[sdId]?.sequence)));
      return Array.from({ length: last }, (_, index) => index + 1).filter((number) => !seen.has(number));
    },
  };
}

/** An event as it stands on sluice.ocsf, as far as the connector reads it, with `more` beside. */
export function ocsfRecord(sequence: number, more: object = {}): string {
  const metadata = { uid: randomUUID(), event_code: "sluice.login.allowed", log_name: "logins", sequence };
  const unmapped = { instance: "i_febac4621cd381bf", epoch: "01a1fceb-1e64-70ea-82d3-bf2e28da0f38" };
  return JSON.stringify({
    category_uid: 3,
    severity_id: 1,
    time: 1_795_278_025_007,
    metadata,
    unmapped,
    ...more,
  });
}

/** Those numbered `from` to `to`. */
export function ocsfRecords(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => ocsfRecord(from + index));
}
