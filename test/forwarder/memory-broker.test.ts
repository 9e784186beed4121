import { describe } from "vitest";
import { SluiceError } from "../../src/errors.ts";
import { brokerConformance } from "./broker-conformance.ts";
import { MemoryBroker } from "./memory-broker.ts";

describe("the broker in memory", () => {
  let topics = 0;
  brokerConformance(
    async () => {
      const broker = new MemoryBroker();
      return {
        broker,
        createTopic: async (name, partitions) => broker.createTopic(name, partitions),
        read: async (topic, partition) => broker.topics.get(topic)![partition]!,
        count: async (topic) => broker.stored(topic).length,
        goAway: async () => {
          broker.away = new SluiceError("kafka_unavailable", "away", { retryable: true });
        },
        comeBack: async () => {
          broker.away = null;
        },
      };
    },
    () => `topic-${topics++}`,
  );
});
