/** Loaded into a bridge's process: of one client's heartbeats, one is sent behind the next. */
import type { BrokerRecord } from "../../../src/forwarder/broker.ts";
import { KafkaBroker } from "../../../src/kafka/broker.ts";

const send = KafkaBroker.prototype.send;
let held: { readonly partition: number; readonly record: BrokerRecord } | null = null;
let done = false;

KafkaBroker.prototype.send = function (topic, partition, records) {
  if (!topic.endsWith("heartbeats") || done) return send.call(this, topic, partition, records);
  if (held === null) {
    held = { partition, record: records[0]! };
    return send.call(this, topic, partition, records.slice(1));
  }
  if (held.partition !== partition || !records.some(({ key }) => key === held!.record.key)) {
    return send.call(this, topic, partition, records);
  }
  done = true;
  return send.call(this, topic, partition, [...records, held.record]);
};
