/** The topics that a bridge sends to, and how long each keeps its records. */
import { type Stream, streamNames, streams } from "../events/streams.ts";
import { type TopicNames, topicNamed } from "../events/topic-names.ts";
import type { KeptProjection } from "./projections.ts";

const dayMs = 86_400_000;

/** Its name, as a stream has one. */
export const deadLettersTopic = "dead-letters";

interface KeptStream {
  readonly name: Stream;
  readonly retentionMs: number;
}

export const keptStreams: readonly KeptStream[] = streamNames.map((name) => ({
  name,
  retentionMs: streams[name].retentionDays * dayMs,
}));

/** As long as what is kept longest: a letter is found when somebody misses an event. */
export const deadLettersRetentionMs = Math.max(...keptStreams.map(({ retentionMs }) => retentionMs));

/** By their names in Kafka; one that several streams share comes as often. */
export function keptTopics(
  names: TopicNames,
  kept: readonly KeptStream[],
  projections: readonly Pick<KeptProjection, "topic" | "retentionMs">[],
  lettersMs = deadLettersRetentionMs,
): { readonly name: string; readonly retentionMs: number }[] {
  return [
    ...kept,
    ...projections.map(({ topic, retentionMs }) => ({ name: topic, retentionMs })),
    { name: deadLettersTopic, retentionMs: lettersMs },
  ].map(({ name, retentionMs }) => ({ name: topicNamed(names, name), retentionMs }));
}
