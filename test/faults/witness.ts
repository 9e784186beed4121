/** Reads all topics as a consumer does, and keeps of each record, by instance, what the judge asks about. */
import { createHash } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import kafkajs from "kafkajs";
import { streamNames } from "../../src/events/streams.ts";
import { deadLettersTopic } from "../../src/forwarder/kept-topics.ts";
import { Ledger } from "../../src/ledger/ledger.ts";
import { runIds } from "../app/call-mix.ts";
import { closeWithFile } from "../hosts/open.ts";
import { maxWaitTimeInMs } from "../hosts/topic-events.ts";
import { unique } from "../hosts/unique.ts";

export interface Seen {
  readonly topic: string;
  readonly partition: number;
  readonly key: string;
  readonly id: string;
  readonly type: string;
  readonly epoch: string;
  readonly sequence: string;
  readonly journalseq: string;
  readonly supersedes: string | undefined;
  readonly op: string | undefined;
  readonly user: string | undefined;
  /** A run id stands in it, which no event may hold. */
  readonly leaks: boolean;
  /** The reason of a refusal; null for anything else. */
  readonly refused: string | null;
  /** Whether the wire could have caused it: everything else the bridge says by itself. */
  readonly isOp: boolean;
  /** Of key and value: a repeated record must be the same. */
  readonly digest: string;
  /** Of a dead letter: the id of the event that was not taken. */
  readonly standsFor: string | undefined;
  /** Of what is derived: the event id of the session's start, or of the op that confirms a login. */
  readonly derivedFrom: string | undefined;
  /** Of an announced end: the event id of its close. */
  readonly closedBy: string | undefined;
}

interface Instance {
  readonly seen: Seen[];
  readonly ledger: Ledger;
  /** When the last of them came, by performance.now(). */
  lastMs: number;
}

export class Witness implements AsyncDisposable {
  /** How many dead letters have come, of any instance. */
  letters = 0;
  readonly #prefix: string;
  readonly #consumer: kafkajs.Consumer;
  readonly #instances = new Map<string, Instance>();
  readonly #came = new EventEmitter().setMaxListeners(0);

  private constructor(brokers: readonly string[], prefix: string) {
    this.#prefix = prefix;
    const kafka = new kafkajs.Kafka({
      brokers: [...brokers],
      logLevel: kafkajs.logLevel.NOTHING,
      retry: { initialRetryTime: 100, retries: 100, maxRetryTime: 500 },
    });
    this.#consumer = kafka.consumer({
      groupId: unique("witness"),
      sessionTimeout: 10_000,
      maxWaitTimeInMs,
      retry: { initialRetryTime: 100, retries: 100, maxRetryTime: 500 },
    });
    closeWithFile(this);
  }

  /** The topics must exist. */
  static async watch(brokers: readonly string[], prefix: string): Promise<Witness> {
    const witness = new Witness(brokers, prefix);
    await witness.#consumer.connect();
    const topics = [...streamNames, deadLettersTopic].map((stream) => prefix + stream);
    await witness.#consumer.subscribe({ topics, fromBeginning: true });
    await witness.#consumer.run({
      eachBatch: async ({ batch, heartbeat }) => {
        for (const { key, value } of batch.messages) {
          witness.#add(batch.topic, batch.partition, String(key), String(value));
        }
        witness.#came.emit("records");
        await heartbeat();
      },
    });
    return witness;
  }

  /** Resolves when nothing of this instance has come for as long as this. */
  async quiet(instance: string, forMs: number): Promise<void> {
    for (;;) {
      const leftMs = (this.#instances.get(instance)?.lastMs ?? 0) + forMs - performance.now();
      if (leftMs <= 0) return;
      await pause(leftMs);
    }
  }

  of(instance: string): Instance {
    const known = this.#instances.get(instance);
    if (known) return known;
    const deadLetters = this.#prefix + deadLettersTopic;
    const made = { seen: [], ledger: new Ledger({ deadLettersTopic: deadLetters }), lastMs: 0 };
    this.#instances.set(instance, made);
    return made;
  }

  forget(instance: string): void {
    this.#instances.delete(instance);
  }

  /** Asked again when records have come; false when it did not hold within the time. */
  async until(holds: () => boolean, timeoutMs: number): Promise<boolean> {
    const deadline = AbortSignal.timeout(timeoutMs);
    for (;;) {
      const beganMs = performance.now();
      if (holds()) return true;
      if (deadline.aborted) return false;
      const lookedMs = performance.now() - beganMs;
      await once(this.#came, "records", { signal: deadline }).catch(() => {});
      // Records come in crowds; looking after each would cost more than reading them.
      await pause(Math.max(50, 5 * lookedMs));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#consumer.disconnect();
  }

  #add(topic: string, partition: number, key: string, value: string): void {
    const event = JSON.parse(value);
    const { instance, id, type, epoch, sequence, journalseq, supersedes, op, decision, data } = event;
    const whose = this.of(instance);
    const { seen, ledger } = whose;
    whose.lastMs = performance.now();
    ledger.add({ topic, partition, value });
    const digest = createHash("sha256").update(`${topic}\n${key}\n${value}`).digest("base64");
    const refused = decision === "refused" ? data.decision.reason : null;
    const standsFor = type === "sluice.dead-letter" ? String(data.id) : undefined;
    if (standsFor !== undefined) this.letters += 1;
    const isOp = decision !== undefined && standsFor === undefined;
    seen.push({
      topic,
      partition,
      key,
      id,
      type,
      epoch,
      sequence,
      journalseq,
      supersedes,
      op,
      user: data?.user,
      leaks: runIds.some((runId) => value.includes(runId)),
      refused,
      isOp,
      digest,
      standsFor,
      derivedFrom: derivedFrom(type, data),
      closedBy: type === "sluice.session.ended" ? (data.end.closedBy ?? undefined) : undefined,
    });
  }
}

function derivedFrom(
  type: string,
  data: { readonly session?: { readonly id: string }; readonly confirmedBy?: { readonly id: string } },
): string | undefined {
  if (type === "sluice.session.ended") return data.session?.id;
  return type === "sluice.login.confirmed" ? data.confirmedBy?.id : undefined;
}
