import { EventEmitter, once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import kafkajs from "kafkajs";
import { streamNames } from "../../src/events/streams.ts";
import { closeWithFile } from "./open.ts";
import { unique } from "./unique.ts";

/** A reader that leaves first waits for what it has asked for, even when nothing comes any more: by default 5 s. */
export const maxWaitTimeInMs = 200;

/** A record as a consumer that knows nothing of Sluice sees it, its value parsed. */
export interface TopicEvent {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever fields it is about
  readonly event: any;
}

/** Reads all topics of a prefix from their beginnings, and waits for events that a test names. */
export class TopicEvents implements AsyncDisposable {
  readonly events: TopicEvent[] = [];
  readonly #came = new EventEmitter().setMaxListeners(0);
  readonly #consumer: kafkajs.Consumer;

  private constructor(consumer: kafkajs.Consumer) {
    this.#consumer = consumer;
  }

  /** The topics must exist. */
  static async read(brokers: readonly string[], prefix: string): Promise<TopicEvents> {
    const kafka = new kafkajs.Kafka({
      brokers: [...brokers],
      logLevel: kafkajs.logLevel.NOTHING,
      retry: { retries: 60, initialRetryTime: 50, maxRetryTime: 500 },
    });
    const reader = new TopicEvents(
      kafka.consumer({ groupId: unique("reader"), sessionTimeout: 10_000, maxWaitTimeInMs }),
    );
    closeWithFile(reader);
    await reader.#consumer.connect();
    await reader.#consumer.subscribe({
      topics: streamNames.map((stream) => prefix + stream),
      fromBeginning: true,
    });
    await reader.#consumer.run({
      eachMessage: async ({ topic, partition, message }) => {
        const value = String(message.value);
        const headers = Object.fromEntries(
          Object.entries(message.headers ?? {}).map(([k, v]) => [k, String(v)]),
        );
        reader.events.push({
          topic,
          partition,
          offset: Number(message.offset),
          key: String(message.key),
          headers,
          value,
          event: JSON.parse(value),
        });
        reader.#came.emit("event");
      },
    });
    return reader;
  }

  /** The first event that matches, read already or still to come. */
  async saw(
    is: (event: TopicEvent["event"], record: TopicEvent) => boolean,
    what = "an event",
    timeoutMs = 30_000,
  ): Promise<TopicEvent> {
    await this.until(() => this.events.some((r) => is(r.event, r)), what, timeoutMs);
    return this.events.find((r) => is(r.event, r))!;
  }

  /** Resolves when `holds` does; asked again when records have come. */
  async until(holds: () => boolean, what: string, timeoutMs = 60_000): Promise<void> {
    const deadline = AbortSignal.timeout(timeoutMs);
    for (;;) {
      const beganMs = performance.now();
      const { length } = this.events;
      if (holds()) return;
      if (deadline.aborted) {
        throw new Error(`${what} did not come within ${timeoutMs} ms; ${length} records were read`);
      }
      const lookedMs = performance.now() - beganMs;
      if (this.events.length === length) {
        await once(this.#came, "event", { signal: deadline }).catch(() => {});
      }
      // Records come in crowds; looking after each would cost more than reading them.
      await pause(Math.min(1_000, 5 * lookedMs));
    }
  }

  /** Distinct by id, in the order of first appearance. */
  get distinct(): TopicEvent[] {
    return [...new Map([...this.events].reverse().map((r) => [r.event.id, r])).values()].reverse();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#consumer.disconnect();
  }
}
