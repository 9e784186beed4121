/** Events that wait for their numbers, and those that are derived, or about the bridge or the policy. */
import type { Stamp } from "../journal/journal.ts";
import { newId, recordKey } from "./ids.ts";
import { dataSchemaOf, type EventData, type EventType, eventTypes, typePrefix } from "./schema.ts";
import type { Stream } from "./streams.ts";

/** An event that waits for its numbers. */
export interface Draft {
  readonly id: string;
  readonly type: EventType;
  readonly stream: Stream;
  readonly key: string;
  readonly render: (stamp: Stamp) => string;
}

/** Who publishes: in every event. */
export interface Origin {
  readonly instance: string;
  readonly epoch: string;
  /** What users and addresses are told by (pseudonyms/pseudonyms.ts); none: by their names. */
  readonly naming?: string | undefined;
}

/** What an event says of itself that is about no op alone. */
export interface About {
  /** New and ordered by time where it is not given. */
  readonly id?: string;
  readonly source: string;
  readonly subject?: string;
  readonly key: string;
  readonly atMs: number;
  readonly policyrev?: string;
  readonly supersedes?: string | undefined;
  /** "" is none. Where it is not given, the origin's. */
  readonly naming?: string | undefined;
}

/** An event that is derived, or about the bridge or the policy. Its data may depend on its own numbers. */
export function factDraft<T extends EventType>(
  type: T,
  about: About,
  origin: Origin,
  dataOf: (own: Stamp) => EventData<T>,
): Draft {
  const id = about.id ?? newId();
  const key = recordKey(about.key, origin.instance);
  return {
    id,
    type,
    stream: eventTypes[type].stream,
    key,
    render: (stamp) =>
      JSON.stringify({
        specversion: "1.0",
        id,
        source: about.source,
        type: typePrefix + type,
        subject: about.subject === "" ? undefined : about.subject,
        time: isoTime(about.atMs),
        datacontenttype: "application/json",
        dataschema: dataSchemaOf(type),
        policyrev: about.policyrev,
        supersedes: about.supersedes,
        pseudonyms: (about.naming ?? origin.naming) || undefined,
        instance: origin.instance,
        epoch: origin.epoch,
        sequence: digits(stamp.sequence),
        journalseq: digits(stamp.journalseq),
        partitionkey: key,
        data: dataOf(stamp),
      }),
  };
}

let lastMs = Number.NaN;
let lastIso = "";

/** Under load many ops share a millisecond. */
export function isoTime(ms: number): string {
  if (ms !== lastMs) {
    lastMs = ms;
    lastIso = new Date(ms).toISOString();
  }
  return lastIso;
}

export function digits(number: number): string {
  return String(number).padStart(16, "0");
}
