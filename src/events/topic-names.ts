/** Which Kafka topic each family of records goes to: kafka.topicPrefix and its own name, unless kafka.topics says another. */
import type { Stream } from "./streams.ts";

/** Topics of what is projected, without kafka.topicPrefix. */
export const projectionTopics = ["ocsf", "ecs", "flat", "flat-sessions"] as const;

/** In kafka.topics: every stream of events that is not named there. */
export const allStreams = "*";

export interface TopicNames {
  /** kafka.topicPrefix */
  readonly topicPrefix: string;
  /** kafka.topics; streams may share a topic, and then share its sequence. */
  readonly topics?: Readonly<Record<string, string | undefined>>;
}

/** @param name of a stream, a projection's topic, or `dead-letters` */
export function topicNamed({ topicPrefix, topics }: TopicNames, name: string): string {
  const own = topics?.[name];
  if (own !== undefined) return own;
  const shared = isEvents(name) ? topics?.[allStreams] : undefined;
  return shared ?? topicPrefix + name;
}

/** Each once, in this order, however many share one. */
export function topicsNamed(names: TopicNames, all: Iterable<string>): string[] {
  return [...new Set([...all].map((name) => topicNamed(names, name)))];
}

/** For people: all topics at once. */
export function topicsText({ topicPrefix, topics = {} }: TopicNames): string {
  const renamed = Object.entries(topics).map(([name, topic]) => `${name}: ${topic}`);
  return `${topicPrefix}*${renamed.length === 0 ? "" : ` (${renamed.join(", ")})`}`;
}

/** Topics that are given to more than one family where only streams of events may share one. */
export function clashes(names: TopicNames, streams: readonly Stream[]): string[] {
  const alone = [...projectionTopics, "dead-letters"];
  const taken = new Map<string, string>();
  for (const stream of streams) taken.set(topicNamed(names, stream), stream);
  return alone.flatMap((name) => {
    const topic = topicNamed(names, name);
    const other = taken.get(topic);
    taken.set(topic, name);
    return other === undefined ? [] : [`${name} and ${other} both go to ${topic}`];
  });
}

/** Streams that only an older journal knows are events too. */
function isEvents(name: string): boolean {
  return name !== "dead-letters" && !(projectionTopics as readonly string[]).includes(name);
}
