import { setTimeout as pause } from "node:timers/promises";
import type { Admin, ITopicConfig } from "kafkajs";

/** Resolves when brokers know of it. kafkajs's own waiting fails where one has not heard of it yet. */
export async function makeTopic(admin: Admin, topic: ITopicConfig): Promise<void> {
  await admin.createTopics({ topics: [topic], waitForLeaders: false });
  const known = (): Promise<boolean> =>
    admin.fetchTopicMetadata({ topics: [topic.topic] }).then(
      () => true,
      () => false,
    );
  while (!(await known())) await pause(50);
}
