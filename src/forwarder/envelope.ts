/**
 * The attributes of an event, read without its data.
 *
 * An event is one line of JSON with the attributes first and `data` last. Inside a JSON string every quote is escaped,
 * so the first `,"data":` in the text is where the attributes end, whatever stands in their values.
 */
import type { JournalRecord } from "../journal/record.ts";
import type { BrokerRecord } from "./broker.ts";

export type Attributes = Readonly<Record<string, unknown>>;

const dataMember = ',"data":';
/** CloudEvents, Kafka protocol binding 3.3: the value is the whole event. */
const contentType = "application/cloudevents+json; charset=UTF-8";

/** The event's type, without reading the rest; "" where there is none. Inside a JSON string every quote is escaped. */
export function typeOf(event: string): string {
  return /"type":"([^"]*)"/.exec(event)?.[1] ?? "";
}

/** null when they cannot be read, or the event lacks what CloudEvents requires. */
export function attributesOf(event: string): Attributes | null {
  const end = event.indexOf(dataMember);
  try {
    const attributes: unknown = JSON.parse(end < 0 ? event : `${event.slice(0, end)}}`);
    return isCloudEvent(attributes) ? attributes : null;
  } catch {
    return null;
  }
}

/** The record as the broker gets it: the value unchanged, its attributes again as headers, for routing. */
export function brokerRecordOf({ key, event }: JournalRecord, attributes: Attributes): BrokerRecord {
  const headers: Record<string, string> = { "content-type": contentType };
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && typeof value !== "object") headers[`ce_${name}`] = String(value);
  }
  return { key, value: event, headers };
}

/** About what a record takes up in a batch before compression: its text, its attributes again, and the framing. */
export function weightOf({ key, event }: JournalRecord): number {
  const attributesEnd = event.indexOf(dataMember);
  const headers = attributesEnd < 0 ? event.length : attributesEnd;
  return Buffer.byteLength(event) + headers + key.length + 200;
}

function isCloudEvent(value: unknown): value is Attributes {
  if (typeof value !== "object" || value === null) return false;
  const { specversion, id, source, type } = value as Record<string, unknown>;
  return specversion === "1.0" && [id, source, type].every((text) => typeof text === "string" && text !== "");
}
