/** Sinks at a Kafka with TLS that asks who comes and for rights, with what deploy/kafka makes and grants for them. */
import { fileURLToPath } from "node:url";
import { beforeAll, expect, it, vi } from "vitest";
import {
  expectRowsAsTold,
  settled,
  shipped,
  startSinkStack,
  visits,
} from "../connectors/kafka-connect-stack.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { temporaryFolder } from "../hosts/folder.ts";
import { kafkaTool } from "../hosts/kafka-tool.ts";
import { closeWithFile } from "../hosts/open.ts";
import { run } from "../hosts/process.ts";
import { startRedpandaConnect } from "../hosts/redpanda-connect.ts";
import { connectorConf, makeRsyslog } from "../hosts/rsyslog.ts";
import { unique } from "../hosts/unique.ts";
import { clientOf, readTopics } from "../kafka/kafka-reading.ts";
import { password, type SecuredKafka, startSecuredKafka } from "../kafka/secured-kafka.ts";
import { environment, ocsfRecord, receiverName } from "./syslog-feed.ts";
import { makeCertificates, SyslogReceiver } from "./syslog-receiver.ts";
import { WebhookRecorder } from "./webhook-recorder.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

describeWith(
  ["kafka", "redpanda-connect", "rsyslog", "connect", "postgres"],
  "at a Kafka that asks for rights",
  () => {
    let kafka: SecuredKafka;
    let tools: string;
    beforeAll(async () => {
      kafka = await startSecuredKafka();
      const folder = await temporaryFolder("kafka-tools");
      closeWithFile({ [Symbol.asyncDispose]: () => folder.remove() });
      tools = folder.path;
    });

    const deployed = async (script: string, args: readonly string[], env: Record<string, string>) => {
      const program = fileURLToPath(new URL(`../../deploy/kafka/${script}`, import.meta.url));
      const [KAFKA_ACLS, KAFKA_TOPICS] = await Promise.all([
        kafkaTool(tools, "kafka-acls", kafka.brokers[0]!),
        kafkaTool(tools, "kafka-topics", kafka.brokers[0]!),
      ]);
      await run({ program, args: [...args], env: { KAFKA_ACLS, KAFKA_TOPICS, ...env } });
    };

    /** A prefix with topics for one sink, and the rights of another or the same. */
    const prepared = async (sink: string, rightsOf = sink): Promise<string> => {
      const prefix = `${unique(sink)}.`;
      const size = { PARTITIONS: "1", REPLICATION: "1" };
      await deployed("topics.sh", [], { TOPIC_PREFIX: prefix, PROJECTIONS: "ocsf", SINKS: sink, ...size });
      await deployed("acls.sh", ["sink", "User:bob", rightsOf], { TOPIC_PREFIX: prefix });
      return prefix;
    };

    const put = async (topic: string, values: readonly string[]): Promise<void> => {
      const producer = clientOf(kafka.brokers).producer();
      await producer.connect();
      await producer.send({ topic, messages: values.map((value) => ({ value })) });
      await producer.disconnect();
    };
    const letterOf = async (topic: string): Promise<string> =>
      (await readTopics(kafka.brokers, [topic], ({ length }) => length > 0))[0]!.value;

    const event = JSON.stringify({ specversion: "1.0", id: "1", source: "/by-hand", type: "by.hand" });

    async function webhook(prefix: string, more: Record<string, string> = {}) {
      const receiver = await WebhookRecorder.start();
      const engine = await startRedpandaConnect("webhook/redpanda-connect.yaml", {
        KAFKA_BROKERS: kafka.listeners.SECURE!,
        KAFKA_TLS: "true",
        KAFKA_CA: kafka.files.ca,
        KAFKA_SASL_MECHANISM: "PLAIN",
        KAFKA_USERNAME: "bob",
        KAFKA_PASSWORD: password,
        TOPIC_PREFIX: prefix,
        WEBHOOK_URL: `${receiver.sink.url}/hook`,
        WEBHOOK_SECRET: receiver.secret,
        ...more,
      });
      return { receiver, engine };
    }

    it("a sink of Redpanda Connect delivers, and sets aside what is no event, with its rights alone", async () => {
      const prefix = await prepared("webhook");
      await put(`${prefix}user-sessions`, ["no event", event]);
      const { receiver, engine } = await webhook(prefix);
      await receiver.sink.until(
        () => receiver.ids.length > 0,
        () => `no event came:\n${engine.log.tail()}`,
      );
      expect(await letterOf(`${prefix}dead-letters.webhook`)).toBe("no event");
      await engine.stop();
      expect(engine.log.lines.join("\n")).not.toMatch(/AUTHORIZATION/);
      expect(engine.log.lines.join("\n")).not.toContain(password);
    });

    it.each([
      ["its group", { GROUP_ID: "another" }, /GROUP_AUTHORIZATION_FAILED/],
      ["its dead letters", { RETRY_MAX_INTERVAL: "500ms" }, /TOPIC_AUTHORIZATION_FAILED/],
    ])("a sink that has no right to %s says so", async (_what, env, said) => {
      const prefix = await prepared("webhook", "s3");
      await put(`${prefix}user-sessions`, ["no event"]);
      const { engine } = await webhook(prefix, env);
      await engine.log.saw(said);
      await engine.stop();
    });

    it("Kafka Connect fills its tables, and sets aside what is no row, with its rights alone", async () => {
      const login = "org.apache.kafka.common.security.plain.PlainLoginModule required";
      const stack = await startSinkStack({
        brokers: kafka.brokers,
        connect: {
          brokers: [kafka.listeners.SECURE!],
          env: {
            KAFKA_CA: kafka.files.ca,
            KAFKA_SASL_MECHANISM: "PLAIN",
            KAFKA_JAAS: `${login} username="bob" password="${password}";`,
          },
        },
        properties: shipped("secured.properties"),
        // Tests give each worker a group, and topics, of its own name.
        prepare: (prefix) =>
          deployed("acls.sh", ["connect", "User:bob", "connect"], { TOPIC_PREFIX: prefix }),
      });
      await put(stack.topicOf("sluice-flat"), ["no row"]);
      await visits(stack, 3);
      await settled(stack);
      await expectRowsAsTold(stack);
      expect(await letterOf(stack.deadLetters)).toBe("no row");
      expect(stack.connect.log.lines.join("\n")).not.toContain(password);
    });

    it("syslog delivers, and sets aside what is no event, with its rights alone", async () => {
      const prefix = await prepared("syslog");
      const certificates = await makeCertificates();
      const receiver = await SyslogReceiver.away();
      await receiver.start(await certificates.of(receiverName));
      const rsyslog = await makeRsyslog(
        connectorConf,
        environment({
          KAFKA_BROKERS: kafka.listeners.SECURE!,
          KAFKA_SECURITY: "sasl_ssl",
          KAFKA_CA: kafka.files.ca,
          KAFKA_SASL_MECHANISM: "PLAIN",
          KAFKA_USERNAME: "bob",
          KAFKA_PASSWORD: password,
          TOPIC: `${prefix}ocsf`,
          DEAD_LETTERS: `${prefix}dead-letters.syslog`,
          GROUP_ID: "sluice-syslog",
          SYSLOG_PORT: String(receiver.port),
          SYSLOG_CA: certificates.ca,
        }),
      );
      await put(`${prefix}ocsf`, ["no event", ocsfRecord(1)]);
      await rsyslog.start();
      await receiver.until(() => receiver.messages.length > 0, "the event", 60_000);
      expect(await letterOf(`${prefix}dead-letters.syslog`)).toBe("no event");
      await rsyslog.stop();
      expect(rsyslog.log.lines.join("\n")).not.toContain(password);
    });
  },
);
