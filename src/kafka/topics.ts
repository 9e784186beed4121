/**
 * The topics as they should be: what is missing is created, what is there is compared and left alone, since its
 * settings are the operator's.
 */
import type { Admin } from "kafkajs";
import type { Clock } from "../clock.ts";
import { SluiceError } from "../errors.ts";
import type { Log } from "../forwarder/log.ts";
import { withAdmin } from "./admin.ts";
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
import { onceEach, type Shape, shapeOf, type WantedTopic } from "./topic-shape.ts";

export interface TopicsReport {
  readonly created: readonly string[];
  /** A line for each thing that is not as we would have made it. */
  readonly differences: readonly string[];
}

/**
 * Rejects with kafka_topic, naming them, when topics are missing and kafka.createTopics is off or the broker will not
 * make them; with kafka_denied or kafka_unavailable as they come.
 */
export function ensureTopics(
  wanted: readonly WantedTopic[],
  settings: KafkaSettings,
  clock: Clock,
  log: Log,
  turn = 0,
): Promise<TopicsReport> {
  return withAdmin(settings, clock, log, turn, async (admin) => {
    const { brokers } = await admin.describeCluster();
    const created: string[] = [];
    const problems: SluiceError[] = [];
    const differences: string[] = [];
    for (const topic of onceEach(wanted)) {
      const shape = shapeOf(topic, settings, brokers.length);
      try {
        const found = await partitionsOf(admin, topic.name);
        if (found !== null) differences.push(...(await compare(admin, topic.name, found, shape)));
        else if (!settings.createTopics) {
          problems.push(
            new SluiceError("kafka_topic", `${topic.name} is missing and kafka.createTopics is off`),
          );
        } else if (await createTopic(admin, topic.name, shape, settings.requestTimeoutMs)) {
          created.push(topic.name);
          await appears(admin, topic.name, clock);
        }
      } catch (thrown) {
        const problem = failureOf(thrown);
        if (isOfConnection(problem)) throw problem;
        problems.push(problem);
      }
    }
    if (problems[0] !== undefined) {
      const text = [...problems.map(({ message }) => message), ...differences].join("; ");
      throw new SluiceError(problems[0].code, text, { retryable: problems[0].retryable, cause: problems[0] });
    }
    return { created, differences };
  });
}

async function compare(
  admin: Admin,
  name: string,
  found: readonly FoundPartition[],
  wanted: Shape,
): Promise<string[]> {
  const seen = new Map<string, string>([
    ["partitions", String(found.length)],
    ["replication factor", String(replicationOf(found))],
  ]);
  const expected = {
    partitions: String(wanted.partitions),
    "replication factor": String(wanted.replicationFactor),
    ...wanted.config,
  };
  try {
    const entries = await configOf(admin, name, Object.keys(wanted.config));
    for (const { configName, configValue } of entries) seen.set(configName, configValue);
  } catch (thrown) {
    const { code, message } = failureOf(thrown);
    if (code !== "kafka_denied") throw thrown;
    return [...linesOf(name, seen, expected), `${name}: its settings cannot be read: ${message}`];
  }
  return linesOf(name, seen, expected);
}

function linesOf(
  name: string,
  seen: ReadonlyMap<string, string>,
  expected: Record<string, string>,
): string[] {
  return Object.entries(expected).flatMap(([key, value]) => {
    const is = seen.get(key);
    return is === undefined || is === value ? [] : [`${name}: ${key} is ${is}, expected ${value}`];
  });
}
