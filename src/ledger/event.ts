/**
 * What the ledger reads of a record. Anybody may write to a topic, and other versions of Sluice do, so nothing is
 * taken for granted, and what is not known is passed over.
 */
import { typePrefix } from "../events/schema.ts";

/** The attributes by which an event is counted. */
export interface Counted {
  readonly id: string;
  readonly type: string;
  readonly instance: string;
  readonly epoch: string;
  readonly sequence: number;
  readonly journalseq: number;
  /** NaN when there is none. */
  readonly ms: number;
  /** The id of an event that this one takes the place of. */
  readonly supersedes: string | null;
}

type Fields = Readonly<Record<string, unknown>>;

/** null when it is no event of Sluice. */
export function countedOf(value: string): Counted | null {
  // Sluice writes the attributes first: the rest, which is most of it, need not be parsed.
  const end = value.indexOf(',"data":');
  return (end < 0 ? null : counted(parsed(`${value.slice(0, end)}}`))) ?? counted(parsed(value));
}

/** The data of an event. */
export function dataOf(value: string): Fields {
  return fieldsOf(parsed(value)?.data);
}

/** The type without Sluice's prefix. */
export function bareType({ type }: Counted): string {
  return type.startsWith(typePrefix) ? type.slice(typePrefix.length) : type;
}

function counted(fields: Fields | null): Counted | null {
  if (fields === null) return null;
  const { id, type, instance, epoch, time, supersedes: former } = fields;
  const sequence = numberIn(fields.sequence);
  const journalseq = numberIn(fields.journalseq);
  if (typeof id !== "string" || typeof type !== "string") return null;
  if (typeof instance !== "string" || typeof epoch !== "string" || instance === "" || epoch === "")
    return null;
  // journalseq counts the records of all topics and epochs, so no sequence is above it.
  if (sequence === null || journalseq === null || sequence > journalseq) return null;
  const supersedes = typeof former === "string" ? former : null;
  const ms = typeof time === "string" ? Date.parse(time) : Number.NaN;
  return { id, type, instance, epoch, sequence, journalseq, ms, supersedes };
}

/** Of 16 digits, from 1. */
function numberIn(text: unknown): number | null {
  if (typeof text !== "string" || text.length !== 16 || !/^\d+$/.test(text)) return null;
  return countIn(Number(text)) || null;
}

/** A dead letter: of which event. */
export interface Buried {
  /** Only what is projected from the event lies there. */
  readonly isProjection: boolean;
  readonly instance: string;
  readonly epoch: string;
  readonly topic: string;
  readonly sequence: number;
}

export function buriedOf(value: string): Buried | null {
  const fields = parsed(value);
  const { epoch, topic, sequence, projection } = fieldsOf(fields?.data);
  const number = countIn(sequence);
  if (typeof fields?.instance !== "string" || typeof epoch !== "string" || typeof topic !== "string")
    return null;
  return number === null || number === 0
    ? null
    : { isProjection: projection !== undefined, instance: fields.instance, epoch, topic, sequence: number };
}

/** `last` is null where it is not known. */
export interface OpenSpan {
  readonly first: number;
  readonly last: number | null;
}

export function openSpanIn(value: unknown): OpenSpan | null {
  const { first, last } = fieldsOf(value);
  const [from, to] = [countIn(first), countIn(last)];
  if (from === null || (to === null && last !== null) || (to !== null && to < from)) return null;
  return { first: from, last: to };
}

/** Topic to span. */
export function openSpansIn(value: unknown): Map<string, OpenSpan> {
  const spans = new Map<string, OpenSpan>();
  for (const [topic, entry] of Object.entries(fieldsOf(value))) {
    const span = openSpanIn(entry);
    if (span !== null) spans.set(topic, span);
  }
  return spans;
}

/** A count that is exact, or null. */
export function countIn(value: unknown): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

export function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function parsed(json: string): Fields | null {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null ? (value as Fields) : null;
  } catch {
    return null;
  }
}
