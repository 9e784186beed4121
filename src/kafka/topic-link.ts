/**
 * The way to one topic: a kafkajs producer of its own, replaced when its transport fails.
 *
 *   none ──send──▶ connecting ──▶ open ──transport failed──▶ retired ──last send ended──▶ closed
 *                                  ▲                            │
 *                                  └──── the next send opens a fresh one, beginning with the next broker
 *
 * Guarantees: a send resolves only when the produce response names its partition with error code 0; it ends, one way
 * or the other, within the deadline.
 *
 * Why one each: kafkajs asks for the metadata of all topics of a producer together, and one topic that is missing or
 * denied, or has a partition without a leader, fails the answer for all.
 *
 * Why replaced: after a request timeout kafkajs keeps the dead connection and the metadata that led to it (its pull
 * request 1783 is open), a broker whose first answer timed out stays "not connected" for good, and a socket that was
 * closed without an error is never noticed. A fresh producer has none of it.
 */
import kafkajs, { type Producer, type RecordMetadata } from "kafkajs";
import type { Clock } from "../clock.ts";
import { SluiceError } from "../errors.ts";
import type { BrokerRecord } from "../forwarder/broker.ts";
import type { Log } from "../forwarder/log.ts";
import { type Client, createClient } from "./client.ts";
import { compressionTypes } from "./compression.ts";
import { isAnswer } from "./failures.ts";
import type { KafkaSettings } from "./settings.ts";
import { within } from "./within.ts";

interface Link {
  readonly client: Client;
  readonly producer: Producer;
  readonly connected: Promise<void>;
  sends: number;
  retired: boolean;
}

/** Leaders move without telling us; a send to the old one tells us at once, so this is only for partitions at rest. */
const metadataMaxAgeMs = 60_000;

export class TopicLink {
  readonly #topic: string;
  readonly #settings: KafkaSettings;
  readonly #clock: Clock;
  readonly #log: Log;
  #turn: number;
  #link: Link | null = null;

  constructor(topic: string, settings: KafkaSettings, clock: Clock, log: Log, turn: number) {
    this.#topic = topic;
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
    this.#turn = turn;
  }

  /** Rejects with whatever kafkajs threw, or with our own error. Records of a send that failed may have been stored. */
  async send(partition: number, records: readonly BrokerRecord[]): Promise<void> {
    this.#link ??= this.#open();
    const link = this.#link;
    link.sends += 1;
    try {
      const answers = await within(this.#clock, this.#deadlineMs(), this.#produce(link, partition, records));
      confirm(this.#topic, partition, answers);
    } catch (thrown) {
      if (!isAnswer(thrown)) this.#retire(link);
      throw thrown;
    } finally {
      link.sends -= 1;
      if (link.retired && link.sends === 0) closeLink(link);
    }
  }

  /** What is still being sent fails. */
  close(): void {
    const link = this.#link;
    if (link === null) return;
    this.#retire(link);
    closeLink(link);
  }

  /** Connecting, its first answer, metadata and the produce request each have their own limit; this is for all. */
  #deadlineMs(): number {
    return this.#settings.connectTimeoutMs + 2 * this.#settings.requestTimeoutMs;
  }

  async #produce(link: Link, partition: number, records: readonly BrokerRecord[]): Promise<RecordMetadata[]> {
    await link.connected;
    return link.producer.send({
      topic: this.#topic,
      acks: -1,
      // How long the leader waits for its followers: less than we wait for the leader, so that its word reaches us.
      timeout: Math.ceil(this.#settings.requestTimeoutMs * 0.7),
      compression: compressionTypes[this.#settings.compression],
      messages: records.map(({ key, value, headers }) => ({ key, value, headers, partition })),
    });
  }

  #open(): Link {
    const client = createClient(this.#settings, this.#clock, this.#log, this.#turn++);
    const producer = client.kafka.producer({
      // Every record says its partition; kafkajs warns on stdout when it is given no partitioner.
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
      allowAutoTopicCreation: false,
      // An idempotent kafkajs producer loses records when a sequence is broken by a retry it gave up.
      idempotent: false,
      metadataMaxAge: metadataMaxAgeMs,
      retry: { retries: 0 },
    });
    const connected = producer.connect();
    // Each send awaits it; between the sends nobody does.
    connected.catch(() => {});
    return { client, producer, connected, sends: 0, retired: false };
  }

  #retire(link: Link): void {
    link.retired = true;
    if (this.#link === link) this.#link = null;
  }
}

function closeLink({ client, producer }: Link): void {
  client.destroy();
  // Stops kafkajs's timers. It waits for requests without an answer, of which destroy left none.
  producer.disconnect().catch(() => {});
}

/**
 * kafkajs resolves with an empty list when the metadata it holds does not name the partition: nothing was sent, and
 * whoever does not look takes it for stored.
 */
function confirm(topic: string, partition: number, answers: readonly RecordMetadata[]): void {
  const answer = answers.find((each) => each.topicName === topic && each.partition === partition);
  if (answer?.errorCode === 0) return;
  const [code, text] = answer
    ? (["kafka_unavailable", `error code ${answer.errorCode}`] as const)
    : (["kafka_topic", "the broker names no such partition"] as const);
  throw new SluiceError(code, `${topic} [${partition}]: ${text}`, { retryable: true });
}
