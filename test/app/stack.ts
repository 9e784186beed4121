import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BridgeHost, BridgeSettings } from "../hosts/bridge.ts";
import { temporaryFolder } from "../hosts/folder.ts";
import { closeWithFile } from "../hosts/open.ts";
import { TopicEvents } from "../hosts/topic-events.ts";
import { unique } from "../hosts/unique.ts";

export type KafkaSettings = Readonly<Record<"kafka.brokers" | "kafka.topicPrefix", string>>;

/** Settings for a Kafka, with topics that nobody else has. */
export function toKafka(brokers: readonly string[]): KafkaSettings {
  return { "kafka.brokers": brokers.join(","), "kafka.topicPrefix": `${unique("app")}.` };
}

/** Reads from the first event on; the bridge makes its topics itself. */
export async function eventsOf(bridge: BridgeHost, settings: KafkaSettings): Promise<TopicEvents> {
  await bridge.log.saw(/"(topics created|the topics are there)"/, { timeoutMs: 60_000 });
  return TopicEvents.read(settings["kafka.brokers"].split(","), settings["kafka.topicPrefix"]);
}

/** Settings for a policy file with these rules. */
export async function ruledBy(rules: Readonly<Record<string, unknown>>): Promise<BridgeSettings> {
  const folder = await temporaryFolder("policy");
  closeWithFile({ [Symbol.asyncDispose]: () => folder.remove() });
  const file = join(folder.path, "policy.json");
  await writeFile(file, JSON.stringify(rules));
  return { "policy.file": file };
}
