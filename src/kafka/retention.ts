/** How long a topic keeps its records. */
import kafkajs, { type Admin } from "kafkajs";
import type { Clock } from "../clock.ts";
import type { Log } from "../forwarder/log.ts";
import { withAdmin } from "./admin.ts";
import { failureOf } from "./failures.ts";
import type { KafkaSettings } from "./settings.ts";

/**
 * Milliseconds by topic; Infinity where nothing expires; 0 where records may go at any time: their bytes are limited,
 * older ones are compacted away, or the broker does not tell.
 * @throws SluiceError kafka_unavailable
 */
export function retentionsMs(
  topics: readonly string[],
  settings: KafkaSettings,
  clock: Clock,
  log: Log,
): Promise<Map<string, number>> {
  return withAdmin(settings, clock, log, 0, async (admin) => {
    const retentions = new Map<string, number>();
    for (const topic of topics) retentions.set(topic, await retentionMs(admin, topic));
    return retentions;
  });
}

const names = ["cleanup.policy", "retention.ms", "retention.bytes"];

/** One by one: kafkajs fails a list as a whole for any topic in trouble. */
async function retentionMs(admin: Admin, topic: string): Promise<number> {
  const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames: names }];
  let entries: Map<string, string>;
  try {
    const answer = await admin.describeConfigs({ resources, includeSynonyms: false });
    const found = answer.resources[0]?.configEntries ?? [];
    entries = new Map(found.map(({ configName, configValue }) => [configName, configValue]));
  } catch (thrown) {
    const failure = failureOf(thrown);
    if (failure.code === "kafka_unavailable") throw failure;
    return 0;
  }
  const [policy, ms, bytes] = names.map((name) => entries.get(name));
  if (policy !== "delete" || bytes !== "-1" || ms === undefined || !/^-?\d+$/.test(ms)) return 0;
  return Number(ms) < 0 ? Number.POSITIVE_INFINITY : Number(ms);
}
