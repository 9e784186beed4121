import { setTimeout as pause } from "node:timers/promises";
import type { Admin, ITopicConfig } from "kafkajs";

/** False when no broker counts as there yet, as right after one was frozen. */
async function isMade(admin: Admin, topic: ITopicConfig): Promise<boolean> {
  try {
    return await admin.createTopics({ topics: [topic], waitForLeaders: false }).then(() => true);
  } catch (thrown) {
    const types = ((thrown as { errors?: { type?: string }[] }).errors ?? []).map(({ type }) => type);
    if (types.length > 0 && types.every((type) => type === "INVALID_REPLICATION_FACTOR")) return false;
    throw thrown;
  }
}

/**
 * Resolves when the leader of each partition answers for it. kafkajs's own waiting fails where a broker has not heard
 * of the topic yet, and ends before those that lead it know.
 */
export async function makeTopic(admin: Admin, topic: ITopicConfig): Promise<void> {
  while (!(await isMade(admin, topic))) await pause(50);
  const known = (): Promise<boolean> =>
    admin.fetchTopicOffsets(topic.topic).then(
      () => true,
      () => false,
    );
  while (!(await known())) await pause(50);
}
