import { setTimeout as pause } from "node:timers/promises";
import type { Admin, ITopicConfig } from "kafkajs";

/**
 * Resolves when the leader of each partition answers for it. kafkajs's own waiting fails where a broker has not heard
 * of the topic yet, and ends before those that lead it know.
 */
export async function makeTopic(admin: Admin, topic: ITopicConfig): Promise<void> {
  await admin.createTopics({ topics: [topic], waitForLeaders: false });
  const known = (): Promise<boolean> =>
    admin.fetchTopicOffsets(topic.topic).then(
      () => true,
      () => false,
    );
  while (!(await known())) await pause(50);
}
