/** What a sink's test reads from: a bridge with its topics, on which a test may also put what no bridge would. */
import kafkajs from "kafkajs";
import { eventsOf, toKafka } from "../app/stack.ts";
import { call } from "../cli/sluice.ts";
import { type BridgeSettings, startBridge } from "../hosts/bridge.ts";
import { makeTopic } from "../hosts/make-topic.ts";
import { closeWithFile } from "../hosts/open.ts";
import { sharedKafka } from "../hosts/shared.ts";
import type { TopicEvents } from "../hosts/topic-events.ts";
import { unique } from "../hosts/unique.ts";

/** How long a test keeps its sink away. */
export const sinkDownMs = Number(process.env.SLUICE_TEST_SINK_DOWN_MS ?? 1_500);

/** For an engine that is to commit all that it has delivered before it ends, however busy its Kafka is. */
export const committing = { SHUTDOWN_TIMEOUT: "15s" };

const user = { user: "alice", metas: {}, run_id: "62ef7c0ce0eab426" };
const proxy = { user, proxy_name: "alice.ssh", proxy_type: "tcp" };

/** A record as it lies on a topic. */
export interface Letter {
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

export class Feed {
  readonly prefix: string;
  readonly brokers: readonly string[];
  /** Of the bridge's own topics. */
  readonly topics: TopicEvents;
  readonly #url: string;
  readonly #kafka: kafkajs.Kafka;
  readonly #asUsual: Readonly<Record<string, string>>;
  #port = 50_000;

  private constructor(prefix: string, brokers: readonly string[], topics: TopicEvents, url: string) {
    this.prefix = prefix;
    this.brokers = brokers;
    this.topics = topics;
    this.#url = url;
    this.#kafka = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING });
    this.#asUsual = {
      KAFKA_BROKERS: brokers.join(","),
      TOPIC_PREFIX: prefix,
      RETRY_MAX_INTERVAL: "500ms",
      SHUTDOWN_TIMEOUT: "1s",
    };
  }

  /** The dead letters' topics of these sinks exist. */
  static async start(sinks: readonly string[], settings: BridgeSettings = {}): Promise<Feed> {
    const brokers = await sharedKafka();
    const kafka = toKafka(brokers);
    const prefix = kafka["kafka.topicPrefix"];
    const bridge = await startBridge({ ...kafka, "sessions.endGraceMs": 200, ...settings });
    const topics = await eventsOf(bridge, kafka);
    const feed = new Feed(prefix, brokers, topics, bridge.url);
    for (const sink of sinks) await feed.makeDeadLetters(sink);
    await call(bridge.url, "Login", { user: "alice", client_address: "198.51.100.7:40000" });
    await call(bridge.url, "NewProxy", { ...proxy, remote_port: 6000 });
    return feed;
  }

  /** The environment of one engine, with a group of its own, for whom what it has not committed may come again. */
  env(more: Readonly<Record<string, string>>): Record<string, string> {
    return { ...this.#asUsual, GROUP_ID: unique("feed"), INSTANCE_ID: "1", ...more };
  }

  /** So many visits, a start and an end each; resolves with the ids of their events when those are on Kafka. */
  async visits(count: number): Promise<string[]> {
    const ports = Array.from({ length: count }, () => this.#port++);
    for (const port of ports) {
      const visit = { ...proxy, remote_addr: `203.0.113.9:${port}` };
      await call(this.#url, "NewUserConn", visit);
      await call(this.#url, "CloseUserConn", visit);
    }
    const theirs = (): string[] =>
      this.topics.distinct
        .filter(({ event }) => ports.includes(event.data.remote?.port))
        .map(({ event }) => event.id);
    await this.topics.until(() => theirs().length === 3 * count, `the events of ${count} visits`);
    return theirs();
  }

  /** Puts values on a topic of the bridge, as nobody should; `topics`, which could not read them, ends before. */
  async put(stream: string, values: readonly (string | null)[]): Promise<void> {
    await this.topics[Symbol.asyncDispose]();
    const producer = this.#kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await producer.connect();
    const messages = values.map((value) => ({ partition: 0, key: "by-hand", value }));
    const compression = kafkajs.CompressionTypes.GZIP;
    await producer.send({ topic: this.prefix + stream, compression, messages });
    await producer.disconnect();
  }

  /** Makes the topic of a sink's dead letters. */
  async makeDeadLetters(sink: string): Promise<void> {
    const admin = this.#kafka.admin();
    await admin.connect();
    await makeTopic(admin, { topic: this.#deadLetters(sink), numPartitions: 1 });
    await admin.disconnect();
  }

  /** So many dead letters of a sink, from the first on, in their order; all there are, if there are more. */
  async deadLetters(sink: string, count: number): Promise<Letter[]> {
    const topic = this.#deadLetters(sink);
    const consumer = this.#kafka.consumer({ groupId: unique("letters"), maxWaitTimeInMs: 200 });
    const letters: Letter[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ message }) => {
        const headers = Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]);
        letters.push({
          key: String(message.key),
          value: String(message.value),
          headers: Object.fromEntries(headers),
        });
        if (letters.length >= count) resolve();
      },
    });
    closeWithFile({ [Symbol.asyncDispose]: () => consumer.disconnect() });
    await promise;
    return letters;
  }

  /** How many dead letters of a sink there are by now. */
  async deadLetterCount(sink: string): Promise<number> {
    const admin = this.#kafka.admin();
    await admin.connect();
    const offsets = await admin.fetchTopicOffsets(this.#deadLetters(sink));
    await admin.disconnect();
    return offsets.reduce((sum, { offset }) => sum + Number(offset), 0);
  }

  #deadLetters(sink: string): string {
    return `${this.prefix}dead-letters.${sink}`;
  }
}
