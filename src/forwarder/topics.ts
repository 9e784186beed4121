/**
 * All topics that records go to, and the lanes in them.
 *
 *   none ──open()──▶ those of the projections and of the streams given; that of another stream when a record of it comes
 *
 * Guarantees: a topic that was opened stays; a partition that is said to be missing makes its topic look whether it has
 * still as many; as soon as a topic is known, stuck lanes give back what is beyond the share that is left to each.
 */
import type { Clock } from "../clock.ts";
import type { SluiceError } from "../errors.ts";
import type { Stream } from "../events/streams.ts";
import { type TopicNames, topicNamed } from "../events/topic-names.ts";
import type { JournalRecord } from "../journal/record.ts";
import type { Broker } from "./broker.ts";
import { type DeadLetter, DeadLetters } from "./dead-letters.ts";
import type { Form, Projection } from "./form.ts";
import type { Trying } from "./health.ts";
import { deadLettersTopic } from "./kept-topics.ts";
import type { Lane, LaneWatcher } from "./lane.ts";
import type { Limits } from "./limits.ts";
import type { Memory } from "./memory.ts";
import { Routes } from "./routes.ts";
import type { AheadTopic } from "./source.ts";
import { Topic, type TopicParts } from "./topic.ts";

/** Where records go, and by what means. */
export interface Destination extends TopicNames {
  readonly broker: Broker;
  readonly partitionOf: (key: string, partitions: number) => number;
  readonly streams: readonly Stream[];
  /** Published beside the events, each on a topic of its own. */
  readonly projections: readonly Projection[];
  /** Of a part of the journal: whether a record is for a topic, named without its prefix; by default all are. */
  readonly goesTo?: (record: JournalRecord, topic: string) => boolean;
  readonly instance: string;
  /** For what not even the topic of dead letters takes. */
  readonly deadLettersFile: string;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly random: () => number;
}

export interface TopicsWatcher {
  readonly confirmed: LaneWatcher["confirmed"];
  failed(who: Trying, error: SluiceError): void;
  known(topic: Topic): void;
  /** See LaneWatcher. */
  changed(): void;
  /** The broker does not know a topic; told at each attempt. */
  missing(): void;
  buried(letter: DeadLetter): void;
}

export interface TopicsParts {
  readonly destination: Destination;
  readonly memory: Memory;
  /** What an earlier run left of a topic. */
  readonly aheadOf: (topic: string) => AheadTopic | undefined;
  /** Whether the broker is asked at once about a topic that is opened. */
  readonly asks: () => boolean;
  readonly watcher: TopicsWatcher;
}

export class Topics {
  readonly #parts: TopicsParts;
  readonly #topicParts: TopicParts;
  #routes: Routes | null = null;

  constructor(parts: TopicsParts) {
    this.#parts = parts;
    this.#topicParts = this.#makeTopicParts();
  }

  /** Returns which of them a record goes to. To be called once, when it is known what an earlier run left. */
  open(): Routes {
    const { projections, goesTo, streams } = this.#parts.destination;
    const routes = new Routes({
      projections,
      goesTo,
      nameOf: (stream) => topicNamed(this.#parts.destination, stream),
      open: (name, form) => this.#open(name, form),
    });
    this.#routes = routes;
    for (const stream of streams) routes.eventsOf(stream);
    return routes;
  }

  get all(): readonly Topic[] {
    return this.#routes?.all ?? [];
  }

  /** Topics of the events themselves. */
  get events(): Iterable<Topic> {
    return this.#routes?.events ?? [];
  }

  *lanes(): Iterable<Lane> {
    for (const topic of this.all) yield* topic.lanes;
  }

  /** Whether anything waits in a lane, or in the journal for it. */
  get outstanding(): boolean {
    return [...this.lanes()].some(({ outstanding }) => outstanding);
  }

  /** Whether a lane has something to send and does not fail. */
  get working(): boolean {
    return [...this.lanes()].some(({ outstanding, failing }) => outstanding && !failing);
  }

  /** Whether something that waits is on its way, or may be soon. */
  get moving(): boolean {
    const lanes = [...this.lanes()].filter(({ outstanding }) => outstanding);
    if (lanes.some(({ sending, hopeless }) => sending || !hopeless)) return true;
    return this.all.some(({ waiting, hopeless }) => waiting && !hopeless);
  }

  /** Asks about those that are not known; resolves when the broker has answered for all, whatever it said. */
  async ask(): Promise<void> {
    await Promise.all(this.all.map((topic) => topic.ask()));
  }

  /** Tries again now whatever waits for that, as if it had not failed yet. */
  hurry(): void {
    for (const topic of this.all) topic.hurry();
    for (const lane of this.lanes()) lane.hurry();
  }

  /** No send and no question begins any more. */
  halt(): void {
    for (const topic of this.all) topic.halt();
  }

  #open(stream: string, form: Form): Topic {
    const { destination, aheadOf, asks } = this.#parts;
    const name = topicNamed(destination, stream);
    const topic = new Topic(name, this.#topicParts, aheadOf(name), form);
    if (asks()) void topic.ask();
    return topic;
  }

  #makeTopicParts(): TopicParts {
    const { destination, memory, watcher } = this.#parts;
    const { broker, clock, random, limits, partitionOf, instance, deadLettersFile } = destination;
    const deadLetters = new DeadLetters({
      broker,
      clock,
      instance,
      partitionOf,
      topic: topicNamed(destination, deadLettersTopic),
      file: deadLettersFile,
      onBuried: (letter) => watcher.buried(letter),
    });
    return {
      broker,
      clock,
      random,
      limits,
      partitionOf,
      deadLetters,
      memory,
      watcher: {
        confirmed: watcher.confirmed,
        failed: (lane, error) => {
          watcher.failed(lane, error);
          if (error.code === "kafka_topic") void this.#doubt(lane.topic);
        },
        changed: () => watcher.changed(),
      },
      topicWatcher: {
        known: (topic) => {
          for (const lane of this.lanes()) lane.shrink();
          watcher.known(topic);
        },
        unknown: (topic, error) => watcher.failed(topic, error),
        missing: () => watcher.missing(),
      },
    };
  }

  async #doubt(name: string): Promise<void> {
    for (const topic of this.all) if (topic.name === name) await topic.doubt();
  }
}
