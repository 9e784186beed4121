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

/** Under load many ops share a millisecond, and all of them a minute or two: what stands before its seconds is kept. */
const minuteMs = 60_000;
const year10000Ms = Date.UTC(10_000);
const milliseconds = Array.from({ length: 1000 }, (_, ms) => `${String(ms).padStart(3, "0")}Z`);
const seconds = Array.from({ length: 60 }, (_, second) => `${String(second).padStart(2, "0")}.`);
let minute = Number.NaN;
let minuteIso = "";

/** As Date has it. @throws RangeError where Date does */
export function isoTime(ms: number): string {
  if (!(ms >= 0 && ms < year10000Ms)) return new Date(ms).toISOString();
  const whole = Math.floor(ms);
  const into = whole % minuteMs;
  const begin = whole - into;
  if (begin !== minute) {
    minute = begin;
    minuteIso = new Date(minute).toISOString().slice(0, 17);
  }
  return minuteIso + seconds[(into / 1000) | 0] + milliseconds[into % 1000];
}

const zeros = Array.from({ length: 17 }, (_, count) => "0".repeat(16 - count));

/** @param number a safe integer that is not negative: of sixteen digits at most */
export function digits(number: number): string {
  const written = String(number);
  return zeros[written.length]! + written;
}
