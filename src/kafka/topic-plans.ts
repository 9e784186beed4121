/** The plan for all topics, from what the brokers say, and its execution. */
import kafkajs, { type Admin, type ConfigEntries, type Kafka } from "kafkajs";
import type { Clock } from "../clock.ts";
import type { SluiceError } from "../errors.ts";
import type { Log } from "../forwarder/log.ts";
import { withAdmin } from "./admin.ts";
import { setTopicConfig } from "./alter-topic.ts";
import { failureOf, isOfConnection } from "./failures.ts";
import type { KafkaSettings } from "./settings.ts";
import {
  appears,
  configOf,
  createTopic,
  type FoundPartition,
  partitionsOf,
  replicationOf,
} from "./topic-admin.ts";
import { type FoundTopic, isNeeded, planOf, type TopicPlan } from "./topic-plan.ts";
import { onceEach, type Shape, shapeOf, type WantedTopic } from "./topic-shape.ts";

export interface Unplanned {
  readonly name: string;
  readonly problem: SluiceError;
}

export interface TopicPlans {
  readonly plans: readonly TopicPlan[];
  /** Topics that the broker does not tell of. */
  readonly unplanned: readonly Unplanned[];
}

/** Rejects with kafka_unavailable and its kin when no broker can be asked. */
export function planTopics(
  wanted: readonly WantedTopic[],
  settings: KafkaSettings,
  morePartitions: boolean,
  clock: Clock,
  log: Log,
): Promise<TopicPlans> {
  return withAdmin(settings, clock, log, 0, async (admin) => {
    const { brokers } = await admin.describeCluster();
    const plans: TopicPlan[] = [];
    const unplanned: Unplanned[] = [];
    for (const topic of onceEach(wanted)) {
      const shape = shapeOf(topic, settings, brokers.length);
      try {
        const partitions = await partitionsOf(admin, topic.name);
        const found = partitions && (await foundTopic(admin, topic.name, partitions, shape));
        plans.push(planOf(topic.name, shape, found, morePartitions));
      } catch (thrown) {
        const problem = failureOf(thrown);
        if (isOfConnection(problem)) throw problem;
        unplanned.push({ name: topic.name, problem });
      }
    }
    return { plans, unplanned };
  });
}

/** Rejects with the first failure of a topic; what was done of it until then stands. */
export async function applyPlan(
  plan: TopicPlan,
  settings: KafkaSettings,
  clock: Clock,
  log: Log,
): Promise<void> {
  if (!isNeeded(plan)) return;
  await withAdmin(settings, clock, log, 0, (admin, kafka) => apply(plan, admin, kafka, settings, clock));
}

async function apply(
  { name, found, wanted, partitions, set }: TopicPlan,
  admin: Admin,
  kafka: Kafka,
  { requestTimeoutMs: timeout }: KafkaSettings,
  clock: Clock,
): Promise<void> {
  if (found === null) {
    await createTopic(admin, name, wanted, timeout);
    await appears(admin, name, clock);
    return;
  }
  if (Object.keys(set).length > 0) await setTopicConfig(kafka, name, set);
  if (partitions === null) return;
  await admin.createPartitions({ topicPartitions: [{ topic: name, count: partitions }], timeout });
}

export async function foundTopic(
  admin: Admin,
  name: string,
  partitions: readonly FoundPartition[],
  { config: ours }: Shape,
): Promise<FoundTopic> {
  const entries = await configOf(admin, name).catch((thrown: unknown) => {
    if (failureOf(thrown).code === "kafka_denied") return null;
    throw thrown;
  });
  const own = (entries ?? [])
    .toSorted(byName)
    .filter(
      ({ configName, configSource }) =>
        configSource === kafkajs.ConfigSource.TOPIC_CONFIG && !(configName in ours),
    );
  return {
    partitions: partitions.length,
    replicationFactor: replicationOf(partitions),
    config:
      entries && Object.fromEntries(entries.map(({ configName, configValue }) => [configName, configValue])),
    own: Object.fromEntries(
      own.map(({ configName, configValue, isSensitive }) => [configName, isSensitive ? "***" : configValue]),
    ),
  };
}

function byName(a: ConfigEntries, b: ConfigEntries): number {
  return a.configName < b.configName ? -1 : 1;
}
