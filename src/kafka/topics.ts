/**
 * The topics as they should be: what is missing is created, what is there is compared and left alone, since its
 * settings are the operator's.
 */
import kafkajs, { type Admin } from "kafkajs";
import type { Clock } from "../clock.ts";
import { SluiceError } from "../errors.ts";
import type { Log } from "../forwarder/log.ts";
import { withAdmin } from "./admin.ts";
import { brokerErrorOf, failureOf, isOfConnection } from "./failures.ts";
import type { KafkaSettings } from "./settings.ts";

export interface WantedTopic {
  readonly name: string;
  readonly retentionMs: number;
}

export interface TopicsReport {
  readonly created: readonly string[];
  /** A line for each thing that is not as we would have made it. */
  readonly differences: readonly string[];
}

const appearLooks = 50;
const appearEveryMs = 100;

interface Shape {
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly config: Readonly<Record<string, string>>;
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
    const replicationFactor = settings.replicationFactor ?? Math.min(3, brokers.length);
    const created: string[] = [];
    const problems: SluiceError[] = [];
    const differences: string[] = [];
    for (const topic of onceEach(wanted)) {
      const shape = shapeOf(topic, settings.partitions, replicationFactor);
      try {
        const found = await partitionsOf(admin, topic.name);
        if (found !== null) differences.push(...(await compare(admin, topic.name, found, shape)));
        else if (!settings.createTopics) {
          problems.push(
            new SluiceError("kafka_topic", `${topic.name} is missing and kafka.createTopics is off`),
          );
        } else if (await create(admin, topic.name, shape, settings.requestTimeoutMs)) {
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

/** A topic that several streams share keeps what the longest kept of them does. */
function onceEach(wanted: readonly WantedTopic[]): WantedTopic[] {
  const longest = new Map<string, number>();
  for (const { name, retentionMs } of wanted)
    longest.set(name, Math.max(retentionMs, longest.get(name) ?? 0));
  return [...longest].map(([name, retentionMs]) => ({ name, retentionMs }));
}

function shapeOf({ retentionMs }: WantedTopic, partitions: number, replicationFactor: number): Shape {
  return {
    partitions,
    replicationFactor,
    config: {
      "cleanup.policy": "delete",
      "retention.ms": String(retentionMs),
      // One replica may be away, and what was confirmed is still on at least one other.
      "min.insync.replicas": String(Math.max(1, replicationFactor - 1)),
      // Batches are kept as we compressed them.
      "compression.type": "producer",
      // Retention counts from a record's arrival. By our clock a broker would refuse what comes when that is ahead of
      // its own by more than message.timestamp.after.max.ms, an hour.
      "message.timestamp.type": "LogAppendTime",
    },
  };
}

interface FoundPartition {
  readonly replicas: readonly number[];
}

/** null when there is no such topic. Asked one by one: kafkajs fails a list as a whole for any topic in trouble. */
async function partitionsOf(admin: Admin, name: string): Promise<readonly FoundPartition[] | null> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [name] });
    return topics.find((topic) => topic.name === name)?.partitions ?? null;
  } catch (thrown) {
    if (brokerErrorOf(thrown) === "UNKNOWN_TOPIC_OR_PARTITION") return null;
    throw thrown;
  }
}

/** False when somebody else was faster. */
async function create(admin: Admin, name: string, shape: Shape, timeoutMs: number): Promise<boolean> {
  const configEntries = Object.entries(shape.config).map(([key, value]) => ({ name: key, value }));
  const { partitions: numPartitions, replicationFactor } = shape;
  try {
    const topics = [{ topic: name, numPartitions, replicationFactor, configEntries }];
    // kafkajs would wait for the leaders, but takes a topic that its broker has not heard of yet for a failure.
    return await admin.createTopics({ topics, timeout: timeoutMs, waitForLeaders: false });
  } catch (thrown) {
    const { code, retryable, message } = failureOf(thrown);
    throw new SluiceError(code, `${name} cannot be created: ${message}`, { retryable, cause: thrown });
  }
}

/** Waits until a broker knows of the topic and its leaders, for a while: those who send would only try in vain. */
async function appears(admin: Admin, name: string, clock: Clock): Promise<void> {
  for (let look = 0; look < appearLooks; look++) {
    try {
      if ((await partitionsOf(admin, name)) !== null) return;
    } catch (thrown) {
      if (brokerErrorOf(thrown) !== "LEADER_NOT_AVAILABLE") throw thrown;
    }
    await new Promise<void>((resolve) => void clock.after(appearEveryMs, resolve));
  }
}

async function compare(
  admin: Admin,
  name: string,
  found: readonly FoundPartition[],
  wanted: Shape,
): Promise<string[]> {
  const seen = new Map<string, string>([
    ["partitions", String(found.length)],
    ["replication factor", String(Math.min(...found.map(({ replicas }) => replicas.length)))],
  ]);
  const expected = {
    partitions: String(wanted.partitions),
    "replication factor": String(wanted.replicationFactor),
    ...wanted.config,
  };
  try {
    for (const [key, value] of await configOf(admin, name, Object.keys(wanted.config))) seen.set(key, value);
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

async function configOf(admin: Admin, name: string, configNames: string[]): Promise<[string, string][]> {
  const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name, configNames }];
  const answer = await admin.describeConfigs({ resources, includeSynonyms: false });
  return (answer.resources[0]?.configEntries ?? []).map((entry) => [entry.configName, entry.configValue]);
}
