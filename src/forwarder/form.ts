/** What the records of a topic are to the broker: the events themselves, or what is projected from them. */
import { SluiceError, textOf } from "../errors.ts";
import type { JournalRecord } from "../journal/record.ts";
import type { BrokerRecord } from "./broker.ts";
import { attributesOf, brokerRecordOf } from "./envelope.ts";

/** A projection of the event's record, on a topic of its own. */
export interface Projection {
  /** Its topic, without kafka.topicPrefix. */
  readonly topic: string;
  /** Whether events of this type, as in the event, stand on it. */
  readonly has: (type: string) => boolean;
  /** The record's value; the same whenever the same event is given. @throws of an event that cannot be projected */
  readonly render: (event: string) => string;
}

export interface Form {
  /** The projection's topic without prefix; null: the events themselves. */
  readonly projection: string | null;
  /** A function of the record alone. An error: it is none that may be sent. */
  readonly make: (record: JournalRecord) => BrokerRecord | SluiceError;
  /** What was made beside the record itself, and is held while it is sent; null: nothing. */
  readonly weigh: ((made: BrokerRecord) => number) | null;
}

const noEvent = "is not a CloudEvent: its attributes cannot be read";

export const asEvent: Form = {
  projection: null,
  make(record) {
    const attributes = attributesOf(record.event);
    return attributes === null ? unfit(noEvent) : brokerRecordOf(record, attributes);
  },
  weigh: null,
};

/** Of the event's attributes those that would not be true of the projection. */
const ofEventAlone: ReadonlySet<string> = new Set(["ce_datacontenttype", "ce_dataschema"]);

/** Same key and headers; the value is the data alone: CloudEvents, Kafka protocol binding 3.2. */
export function projected({ topic, render }: Projection): Form {
  return {
    projection: topic,
    make(record) {
      const attributes = attributesOf(record.event);
      if (attributes === null) return unfit(noEvent);
      const { key, headers } = brokerRecordOf(record, attributes);
      const kept = Object.entries(headers).filter(([name]) => !ofEventAlone.has(name));
      try {
        const value = render(record.event);
        return { key, value, headers: { ...Object.fromEntries(kept), "content-type": "application/json" } };
      } catch (thrown) {
        return unfit(`cannot be projected to ${topic}: ${textOf(thrown)}`);
      }
    },
    weigh: weightOfMade,
  };
}

function weightOfMade({ key, value, headers }: BrokerRecord): number {
  let bytes = Buffer.byteLength(value) + key.length + 200;
  for (const name in headers) bytes += name.length + headers[name]!.length;
  return bytes;
}

function unfit(text: string): SluiceError {
  return new SluiceError("kafka_rejected", text);
}
