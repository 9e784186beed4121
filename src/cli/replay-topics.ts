/** The topics that a replay sends to, made where they are missing as the bridge makes them. */
import type { Clock } from "../clock.ts";
import { SluiceError } from "../errors.ts";
import { type Stream, streamNames, streams } from "../events/streams.ts";
import { type TopicNames, topicNamed } from "../events/topic-names.ts";
import { deadLettersTopic } from "../forwarder/kept-topics.ts";
import { defaultLimits } from "../forwarder/limits.ts";
import type { KeptProjection } from "../forwarder/projections.ts";
import { delayMs } from "../forwarder/retry.ts";
import type { KafkaSettings } from "../kafka/settings.ts";
import { ensureTopics } from "../kafka/topics.ts";
import type { Plan } from "../replay/plan.ts";

const dayMs = 86_400_000;
const longestDays = Math.max(...streamNames.map((name) => streams[name].retentionDays));
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * Tries until it has succeeded, and says why it waits when that changes. Rejects with what no retry will mend, and
 * with the signal's reason when it is aborted.
 */
export async function makeTopics(
  plan: Plan,
  projections: readonly KeptProjection[],
  names: TopicNames,
  kafka: KafkaSettings,
  clock: Clock,
  signal: AbortSignal,
  say: (notice: string) => void,
): Promise<void> {
  const keptMs = new Map(projections.map(({ topic, retentionMs }) => [topic, retentionMs]));
  const wanted = plan.topics
    .filter(({ records }) => records > 0)
    .map(({ topic, name }) => ({
      name: topic,
      retentionMs: keptMs.get(name) ?? daysOf(topic, name as Stream, names) * dayMs,
    }));
  wanted.push({ name: topicNamed(names, deadLettersTopic), retentionMs: longestDays * dayMs });
  let said = "";
  for (let attempt = 0; ; attempt++) {
    const waitMs = delayMs(attempt + 1, defaultLimits, Math.random);
    try {
      const { created } = await ended(signal, ensureTopics(wanted, kafka, clock, silent, attempt));
      if (created.length > 0) say(`topics created: ${created.join(", ")}`);
      else if (said !== "") say("Kafka answers");
      return;
    } catch (thrown) {
      if (!(thrown instanceof SluiceError) || !thrown.retryable) throw thrown;
      const where = `Kafka at ${kafka.brokers.join(", ")} (kafka.brokers)`;
      if (said !== thrown.code) say(`${where}: ${thrown.message}; it is tried again until Ctrl-C`);
      said = thrown.code;
    }
    await ended(signal, new Promise<void>((resolve) => void clock.after(waitMs, resolve)));
  }
}

/** As long as the longest kept of those that share the topic; of a stream that only an older journal knows, as any. */
function daysOf(topic: string, stream: Stream, names: TopicNames): number {
  if (streams[stream] === undefined) return longestDays;
  const sharing = streamNames.filter((other) => topicNamed(names, other) === topic);
  return Math.max(...sharing.map((other) => streams[other].retentionDays));
}

/** `work`, unless the signal ends it before. */
function ended<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  return Promise.race([work, promise]).finally(() => signal.removeEventListener("abort", abort));
}
