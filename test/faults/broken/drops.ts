/** Loaded into a bridge's process: of the events of users' connections, one is never sent. */
import { KafkaBroker } from "../../../src/kafka/broker.ts";

const send = KafkaBroker.prototype.send;
let left = 20;

KafkaBroker.prototype.send = function (topic, partition, records) {
  if (!topic.endsWith("user-sessions") || left < 0) return send.call(this, topic, partition, records);
  left -= records.length;
  return send.call(this, topic, partition, left < 0 ? records.slice(1) : records);
};
