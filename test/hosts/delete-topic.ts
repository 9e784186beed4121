import { setTimeout as pause } from "node:timers/promises";
import type { Admin } from "kafkajs";

/** Resolves when the broker has heard of it, too: the controller answers before that, and records are taken until then. */
export async function deleteTopic(admin: Admin, topic: string): Promise<void> {
  await admin.deleteTopics({ topics: [topic] });
  const isThere = (): Promise<boolean> =>
    admin.fetchTopicMetadata({ topics: [topic] }).then(
      () => true,
      () => false,
    );
  while (await isThere()) await pause(50);
}
