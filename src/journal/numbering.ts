/**
 * The numbers of this epoch: one count over all records of the instance, and one for each topic from 1.
 *
 * Guarantee: `given` runs ahead in memory; `durable` says what is on disk, and is what a segment's header tells.
 */
import type { Stream } from "../events/streams.ts";
import type { Loss } from "./journal.ts";

export class TopicCount {
  readonly topic: string;
  given = 0;
  durable = 0;

  constructor(topic: string) {
    this.topic = topic;
  }
}

/** First and last number per topic; `last` grows as more are added. */
export class TopicSpans {
  readonly #spans = new Map<TopicCount, { first: number; last: number }>();

  add(count: TopicCount, sequence: number): void {
    const span = this.#spans.get(count);
    if (span) span.last = sequence;
    else this.#spans.set(count, { first: sequence, last: sequence });
  }

  markDurable(): void {
    for (const [count, { last }] of this.#spans) count.durable = last;
  }

  toLoss(): Loss["topics"] {
    return Object.fromEntries([...this.#spans].map(([{ topic }, span]) => [topic, { ...span }]));
  }
}

export class Numbering {
  /** The last journalseq given. */
  journalseq: number;
  /** The topic of each stream that has been used or named. */
  readonly topics: Readonly<Record<string, string>>;
  readonly #counts = new Map<Stream, TopicCount>();

  /** Streams may share a topic, and then share its count. */
  constructor(last: number, streams: readonly Stream[], topicOf: (stream: Stream) => string) {
    this.journalseq = last;
    const byTopic = new Map<string, TopicCount>();
    for (const stream of streams) {
      const topic = topicOf(stream);
      const count = byTopic.get(topic) ?? new TopicCount(topic);
      byTopic.set(topic, count);
      this.#counts.set(stream, count);
    }
    this.topics = Object.fromEntries([...this.#counts].map(([stream, { topic }]) => [stream, topic]));
  }

  countOf(stream: Stream): TopicCount {
    return this.#counts.get(stream)!;
  }

  /** Gives the next numbers to a record of this stream: `journalseq` here, and `given` of its topic. */
  take(stream: Stream): TopicCount {
    const count = this.countOf(stream);
    count.given++;
    this.journalseq++;
    return count;
  }

  /** Per topic the last sequence given; topics without any are left out. */
  givenSequences(): Record<string, number> {
    return this.#used("given");
  }

  /** Per topic the last sequence on disk; topics without any are left out. */
  durableSequences(): Record<string, number> {
    return this.#used("durable");
  }

  /** Everything behind what is on disk: up to what has been given, or up to nobody knows where. */
  notDurable(upTo: "given" | "unknown"): Loss["topics"] {
    const open: Record<string, { first: number; last: number | null }> = {};
    for (const { topic, given, durable } of this.#counts.values()) {
      if (upTo === "unknown") open[topic] = { first: durable + 1, last: null };
      else if (given > durable) open[topic] = { first: durable + 1, last: given };
    }
    return open;
  }

  #used(which: "given" | "durable"): Record<string, number> {
    const used = [...this.#counts.values()].filter((count) => count[which] > 0);
    return Object.fromEntries(used.map((count) => [count.topic, count[which]]));
  }
}
