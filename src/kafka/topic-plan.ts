/** What a topic would need to be as we would make it, and what of it is better left alone. */
import { insyncOf, type Shape } from "./topic-shape.ts";

/** A topic as it is. */
export interface FoundTopic {
  readonly partitions: number;
  readonly replicationFactor: number;
  /** All its settings; null where the broker does not tell us. */
  readonly config: Readonly<Record<string, string>> | null;
  /** Those that were set for this topic, and are none of ours. */
  readonly own: Readonly<Record<string, string>>;
}

export interface TopicPlan {
  readonly name: string;
  /** null: it is missing, and would be created as `wanted`. */
  readonly found: FoundTopic | null;
  readonly wanted: Shape;
  /** How many partitions it would have then; null: as it has. */
  readonly partitions: number | null;
  /** Settings that would change. */
  readonly set: Readonly<Record<string, string>>;
  /** What differs and stays, each with the reason. */
  readonly left: readonly string[];
}

/** @param morePartitions whether partitions may be added */
export function planOf(
  name: string,
  wanted: Shape,
  found: FoundTopic | null,
  morePartitions: boolean,
): TopicPlan {
  if (found === null) return { name, found, wanted, partitions: null, set: {}, left: [] };
  const left: string[] = [];
  const fitting = fittingFor(found, wanted);
  const adds = fitting.partitions > found.partitions && morePartitions;
  if (fitting.partitions !== found.partitions && !adds) left.push(partitionsLeft(found, fitting));
  if (wanted.replicationFactor !== found.replicationFactor) {
    left.push(
      `replication is ${found.replicationFactor}, wanted ${wanted.replicationFactor}: replicas are moved by kafka-reassign-partitions.sh`,
    );
  }
  if (found.config === null) left.push("its settings cannot be read: we need DescribeConfigs on it");
  const set: Record<string, string> = {};
  for (const [key, value] of Object.entries(fitting.config)) {
    const is = found.config?.[key];
    if (is === undefined || is === value) continue;
    if (key === "retention.ms" && isLonger(is, value)) {
      left.push(
        `retention.ms is ${is}, wanted ${value}: less would delete records; set it yourself if you mean it`,
      );
    } else set[key] = value;
  }
  return { name, found, wanted: fitting, partitions: adds ? fitting.partitions : null, set, left };
}

/** Whether there is anything to do. */
export function isNeeded({ found, partitions, set }: TopicPlan): boolean {
  return found === null || partitions !== null || Object.keys(set).length > 0;
}

/** With more replicas demanded in sync than there are, nothing could be written. */
function fittingFor(found: FoundTopic, wanted: Shape): Shape {
  return {
    ...wanted,
    config: { ...wanted.config, "min.insync.replicas": insyncOf(found.replicationFactor) },
  };
}

function partitionsLeft(found: FoundTopic, wanted: Shape): string {
  const difference = `partitions ${found.partitions}, wanted ${wanted.partitions}`;
  return wanted.partitions > found.partitions
    ? `${difference}: keys would go to other partitions, and order by key would break there; --partitions adds them`
    : `${difference}: Kafka cannot take partitions away`;
}

function isLonger(is: string, than: string): boolean {
  return Number(is) < 0 || Number(is) > Number(than);
}
