/**
 * For consumers: from a record on a topic to an event that TypeScript knows.
 *
 * A newer Sluice may add fields, attributes and types of events. Added fields pass and stay in the event; an added
 * type is told apart from what is broken, so that a consumer can pass over it. What the known fields mean changes
 * only with the version in `dataschema`.
 */
import type { z } from "zod";
import {
  dataSchemaOf,
  dataVersionOf,
  type EventType,
  eventSchemas,
  type SluiceEvent,
  typePrefix,
} from "./schema.ts";

type Value = Uint8Array | string | null | undefined;

/** A record as kafkajs (`message`), node-rdkafka or @platformatic/kafka gives it, or only its value. */
export type EventRecord = Value | { readonly value: Value };

/** What a record may be that is no event of those this release knows. */
export const unparsedReasons = {
  not_json: "its value is not JSON in UTF-8",
  not_an_event: "it has no value, or what it holds is no CloudEvent 1.0",
  unknown_type: "an event of a type that this release does not know; a newer one may",
  unknown_version:
    "an event whose data keeps another version of its contract than the one this release knows",
  invalid: "an event that breaks its contract",
} as const;

export interface Unparsed {
  readonly ok: false;
  readonly reason: keyof typeof unparsedReasons;
  /** For a log line: names fields, never what they hold; printable ASCII, at most 300 characters. */
  readonly problem: string;
  /** The event's type, where it has one; at most 100 characters. */
  readonly type: string | null;
}

export type Parsed = { readonly ok: true; readonly event: SluiceEvent } | Unparsed;

const mostProblem = 300;
const mostType = 100;
const mostIssues = 3;

/** Never throws. The event is the record's JSON as it came, with whatever fields this release does not know. */
export function parseEvent(record: EventRecord): Parsed {
  const text = textOf(record);
  if (text === null) return unparsed("not_an_event", "the record has no value that is text or bytes");
  if (text === undefined) return unparsed("not_json", "the value is not UTF-8");
  let event: unknown;
  try {
    event = JSON.parse(text);
  } catch {
    // The parser's own words quote what was read.
    return unparsed("not_json", "the value is not JSON");
  }
  return judged(event);
}

/** Null: there is none. Undefined: bytes that are no text. */
function textOf(record: unknown): string | null | undefined {
  try {
    const isRecord = typeof record === "object" && record !== null && !ArrayBuffer.isView(record);
    const value = isRecord ? (record as { value?: unknown }).value : record;
    if (typeof value === "string") return value;
    if (!ArrayBuffer.isView(value)) return null;
    return new TextDecoder("utf-8", { fatal: true }).decode(value as Uint8Array<ArrayBuffer>);
  } catch {
    return undefined;
  }
}

function judged(event: unknown): Parsed {
  if (typeof event !== "object" || event === null) return unparsed("not_an_event", "the value is no object");
  const { specversion, type, dataschema } = event as Record<string, unknown>;
  if (specversion !== "1.0") return unparsed("not_an_event", "specversion is not 1.0");
  if (typeof type !== "string") return unparsed("not_an_event", "it has no type");
  const name = type.startsWith(typePrefix) ? type.slice(typePrefix.length) : "";
  if (!isKnown(name)) return unparsed("unknown_type", "this release knows no such type", type);
  if (dataschema !== dataSchemaOf(name)) {
    const version = versionIn(dataschema, name);
    if (version === null) return unparsed("invalid", "dataschema is not that of its type", type);
    return unparsed(
      "unknown_version",
      `version ${version} of its data, and this release knows ${dataVersionOf(name)}`,
      type,
    );
  }
  try {
    const { success, error } = eventSchemas[name].safeParse(event);
    return success
      ? { ok: true, event: event as SluiceEvent }
      : unparsed("invalid", textOfIssues(error.issues), type);
  } catch {
    // Where no code may be generated, zod lists what is wrong by spreading, and runs out of stack at 100,000 of it.
    return unparsed("invalid", "too much of it is wrong to be told", type);
  }
}

function isKnown(name: string): name is EventType {
  return Object.hasOwn(eventSchemas, name);
}

function versionIn(dataschema: unknown, type: EventType): string | null {
  const known = dataSchemaOf(type);
  const prefix = known.slice(0, known.lastIndexOf(":") + 1);
  if (typeof dataschema !== "string" || !dataschema.startsWith(prefix)) return null;
  const version = dataschema.slice(prefix.length);
  return /^[1-9]\d{0,8}$/.test(version) ? version : null;
}

function textOfIssues(issues: readonly z.core.$ZodIssue[]): string {
  const told = issues.slice(0, mostIssues).map(({ path, message }) => `${path.join(".")}: ${message}`);
  const more = issues.length - told.length;
  return told.join("; ") + (more > 0 ? `; and ${more} more` : "");
}

function unparsed(reason: Unparsed["reason"], problem: string, type: string | null = null): Unparsed {
  return {
    ok: false,
    reason,
    problem: printable(problem, mostProblem),
    type: type && printable(type, mostType),
  };
}

/** Names of fields and types may be a stranger's, and end on a terminal. */
function printable(text: string, most: number): string {
  return text.slice(0, most).replace(/[^ -~]/g, "?");
}
