import type { Admin, Kafka } from "kafkajs";
import type { Clock } from "../clock.ts";
import type { Log } from "../forwarder/log.ts";
import { createClient } from "./client.ts";
import { failureOf } from "./failures.ts";
import type { KafkaSettings } from "./settings.ts";
import { within } from "./within.ts";

/** Connects, works, disconnects; what kafkajs throws comes out as one of our errors. */
export async function withAdmin<T>(
  settings: KafkaSettings,
  clock: Clock,
  log: Log,
  turn: number,
  work: (admin: Admin, kafka: Kafka) => Promise<T>,
): Promise<T> {
  const client = createClient(settings, clock, log, turn);
  const admin = client.kafka.admin();
  const all = async () => {
    await admin.connect();
    return await work(admin, client.kafka);
  };
  try {
    return await within(clock, settings.connectTimeoutMs + 4 * settings.requestTimeoutMs, all());
  } catch (thrown) {
    throw failureOf(thrown);
  } finally {
    client.destroy();
    admin.disconnect().catch(() => {});
  }
}
