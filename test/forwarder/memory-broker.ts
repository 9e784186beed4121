import { SluiceError } from "../../src/errors.ts";
import type { Broker, BrokerRecord } from "../../src/forwarder/broker.ts";

/** What becomes of one send. `stored` before the failure: the records are there although nobody was told. */
export type Fate =
  | { readonly kind: "ok" }
  | { readonly kind: "fail"; readonly error: SluiceError; readonly stored?: boolean }
  | { readonly kind: "hang" };

export interface Send {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly BrokerRecord[];
}

/** A broker in memory whose failures are scripted. It judges what a broker judges: topics, sizes, one send at a time. */
export class MemoryBroker implements Broker {
  readonly topics = new Map<string, BrokerRecord[][]>();
  /** Every send that was tried, in order. */
  readonly sends: Send[] = [];
  /** Decides about a send; by default all is well. */
  fate: (send: Send) => Fate = () => ({ kind: "ok" });
  /** Why no topic can be asked for; null: they can. */
  away: SluiceError | null = null;
  maxBatchBytes = 1_048_588;
  closed = false;
  readonly #busy = new Set<string>();
  readonly #hanging = new Set<(error: SluiceError) => void>();
  #watchers: (() => void)[] = [];

  createTopic(name: string, partitions: number): void {
    this.topics.set(
      name,
      Array.from({ length: partitions }, () => []),
    );
  }

  async partitions(topic: string): Promise<number> {
    this.#reachable();
    const found = this.topics.get(topic);
    if (found === undefined) throw new SluiceError("kafka_topic", `${topic} does not exist`);
    return found.length;
  }

  async send(topic: string, partition: number, records: readonly BrokerRecord[]): Promise<void> {
    this.#reachable();
    const lane = `${topic} ${partition}`;
    // Any lane may bury a record, whatever the others do.
    const isShared = topic.endsWith("dead-letters");
    if (this.#busy.has(lane) && !isShared) throw new Error(`two sends at once to ${lane}`);
    const send = { topic, partition, records };
    this.sends.push(send);
    this.#busy.add(lane);
    try {
      await this.#decide(send);
    } finally {
      this.#busy.delete(lane);
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    this.releaseHanging();
  }

  /** What hangs fails, as after a timeout. */
  releaseHanging(): void {
    for (const reject of this.#hanging) reject(new SluiceError("kafka_unavailable", "timed out"));
    this.#hanging.clear();
  }

  stored(topic: string): BrokerRecord[] {
    return (this.topics.get(topic) ?? []).flat();
  }

  get storedCount(): number {
    return [...this.topics.values()].flat(2).length;
  }

  /** Resolves when a record is stored, or a send was tried, from now on. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#watchers.push(resolve));
  }

  async #decide(send: Send): Promise<void> {
    const fate = this.fate(send);
    if (fate.kind === "hang") {
      this.#changed();
      await new Promise<void>((_, reject) => this.#hanging.add(reject));
    }
    // A broker never answers within the same turn.
    await new Promise((resolve) => setImmediate(resolve));
    const { topic, partition, records } = send;
    const log = this.topics.get(topic)?.[partition];
    if (log === undefined) throw new SluiceError("kafka_topic", `${topic} [${partition}] does not exist`);
    const bytes = records.reduce((sum, { value }) => sum + Buffer.byteLength(value), 0);
    if (bytes > this.maxBatchBytes) throw new SluiceError("kafka_rejected", "too large (MESSAGE_TOO_LARGE)");
    if (fate.kind === "ok" || (fate.kind === "fail" && fate.stored === true)) log.push(...records);
    this.#changed();
    if (fate.kind === "fail") throw fate.error;
  }

  #reachable(): void {
    if (this.closed) throw new SluiceError("kafka_unavailable", "closed");
    if (this.away !== null) throw this.away;
  }

  #changed(): void {
    const watchers = this.#watchers;
    this.#watchers = [];
    for (const wake of watchers) wake();
  }
}
