/**
 * Settings of a topic, changed one by one: IncrementalAlterConfigs (KIP-339, Kafka 2.3). kafkajs has AlterConfigs alone,
 * which takes away every setting that it does not name.
 */
import type { Kafka } from "kafkajs";
import { SluiceError } from "../errors.ts";
import { protocolError, withRawBroker, writer } from "./raw-broker.ts";

const apiKey = 44;
const topicResource = 2;
const set = 0;

/** Rejects with what kafkajs throws, and with kafka_topic where the brokers are older than this request. */
export function setTopicConfig(
  kafka: Kafka,
  topic: string,
  config: Readonly<Record<string, string>>,
): Promise<void> {
  return withRawBroker(kafka, async ({ versions, send }) => {
    if (versions[apiKey] === undefined) {
      throw new SluiceError(
        "kafka_topic",
        `${topic}: these brokers cannot change single settings (before Kafka 2.3); use kafka-configs.sh`,
      );
    }
    const changes = Object.entries(config).map(([name, value]) =>
      writer().writeString(name).writeInt8(set).writeString(value),
    );
    const answers = await send({
      apiKey,
      apiVersion: 0,
      apiName: "IncrementalAlterConfigs",
      write: (request) =>
        request
          .writeArray([writer().writeInt8(topicResource).writeString(topic).writeArray(changes)])
          .writeBoolean(false),
      read(answer) {
        answer.readInt32();
        return answer.readArray((one) => {
          const [code, text] = [one.readInt16(), one.readString()];
          one.readInt8();
          one.readString();
          return protocolError(code, text);
        });
      },
    });
    for (const error of answers) if (error !== null) throw error;
  });
}
