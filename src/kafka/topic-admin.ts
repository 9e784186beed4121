/** What is asked and done of one topic, as everybody here does it. */
import kafkajs, { type Admin, type ConfigEntries } from "kafkajs";
import type { Clock } from "../clock.ts";
import { SluiceError } from "../errors.ts";
import { brokerErrorOf, failureOf } from "./failures.ts";
import type { Shape } from "./topic-shape.ts";

export interface FoundPartition {
  readonly partitionId: number;
  /** A negative number where there is none. */
  readonly leader: number;
  readonly replicas: readonly number[];
  /** Replicas that are in sync. */
  readonly isr: readonly number[];
}

const appearLooks = 50;
const appearEveryMs = 100;

/** null when there is no such topic. Asked one by one: kafkajs fails a list as a whole for any topic in trouble. */
export async function partitionsOf(admin: Admin, name: string): Promise<readonly FoundPartition[] | null> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [name] });
    return topics.find((topic) => topic.name === name)?.partitions ?? null;
  } catch (thrown) {
    if (brokerErrorOf(thrown) === "UNKNOWN_TOPIC_OR_PARTITION") return null;
    throw thrown;
  }
}

/** The smallest of its partitions'. */
export function replicationOf(partitions: readonly FoundPartition[]): number {
  return Math.min(...partitions.map(({ replicas }) => replicas.length));
}

/** @param configNames all where there are none */
export async function configOf(
  admin: Admin,
  name: string,
  configNames?: readonly string[],
): Promise<ConfigEntries[]> {
  const named = configNames === undefined ? {} : { configNames: [...configNames] };
  const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name, ...named }];
  const answer = await admin.describeConfigs({ resources, includeSynonyms: false });
  return answer.resources[0]?.configEntries ?? [];
}

/**
 * False when somebody else was faster.
 * @param validateOnly makes nothing: the broker says whether it would
 */
export async function createTopic(
  admin: Admin,
  name: string,
  shape: Shape,
  timeoutMs: number,
  validateOnly = false,
): Promise<boolean> {
  const configEntries = Object.entries(shape.config).map(([key, value]) => ({ name: key, value }));
  const { partitions: numPartitions, replicationFactor } = shape;
  try {
    const topics = [{ topic: name, numPartitions, replicationFactor, configEntries }];
    // kafkajs would wait for the leaders, but takes a topic that its broker has not heard of yet for a failure.
    return await admin.createTopics({ topics, timeout: timeoutMs, waitForLeaders: false, validateOnly });
  } catch (thrown) {
    const { code, retryable, message } = failureOf(thrown);
    throw new SluiceError(code, `${name} cannot be created: ${message}`, { retryable, cause: thrown });
  }
}

/** Waits until a broker knows of the topic and its leaders, for a while: those who send would only try in vain. */
export async function appears(admin: Admin, name: string, clock: Clock): Promise<void> {
  for (let look = 0; look < appearLooks; look++) {
    try {
      if ((await partitionsOf(admin, name)) !== null) return;
    } catch (thrown) {
      if (brokerErrorOf(thrown) !== "LEADER_NOT_AVAILABLE") throw thrown;
    }
    await new Promise<void>((resolve) => void clock.after(appearEveryMs, resolve));
  }
}
