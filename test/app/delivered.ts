/** What a consumer may rely on, asked of the events that a test has read. */
import { expect } from "vitest";
import { Ledger } from "../../src/ledger/ledger.ts";
import type { TopicEvent, TopicEvents } from "../hosts/topic-events.ts";
import { isRefusable } from "./call-mix.ts";
import { type Answer, idOf, type Load } from "./load.ts";

interface Span {
  readonly first: number;
  readonly last: number | null;
}

export const ofType =
  (type: string) =>
  (event: TopicEvent["event"]): boolean =>
    event.type === `sluice.${type}`;

/** Waits until the event of every answered op has come, and whatever was numbered before the last that has. */
export async function allArrived(topics: TopicEvents, load: Load, timeoutMs = 60_000): Promise<void> {
  const missing = new Set(load.answeredIds);
  let read = 0;
  const what = `the events of ${missing.size} answered ops`;
  const holds = (): boolean => {
    for (; read < topics.events.length; read++) missing.delete(topics.events[read]!.event.id);
    return missing.size === 0;
  };
  await topics.until(holds, what, timeoutMs).catch((thrown: Error) => {
    throw new Error(`${thrown.message}; ${missing.size} are missing, ${[...missing].slice(0, 3)} among them`);
  });
  await topics.until(wholeness(topics), "what is derived from them", timeoutMs);
}

/**
 * Whether every number is there or named as lost. Partitions are read one after the other: what bridge.progress or
 * bridge.stopped says to be there may still have to be read.
 */
function wholeness({ events }: TopicEvents, ofEpoch?: string): () => boolean {
  const ledger = new Ledger();
  let read = 0;
  return () => {
    for (; read < events.length; read++) ledger.add(events[read]!);
    return ledger
      .report()
      .streams.every(
        ({ epoch, pending, counts }) => epoch !== (ofEpoch ?? epoch) || pending + counts.unannounced === 0,
      );
  };
}

function ledgerOf(events: readonly TopicEvent[]): Ledger {
  const ledger = new Ledger();
  for (const record of events) ledger.add(record);
  return ledger;
}

/** Waits for what the bridge says at its end, of an epoch if it had several, and for all that it names there. */
export async function allTold(topics: TopicEvents, ofEpoch?: string): Promise<TopicEvent> {
  const isStopped = (event: TopicEvent["event"]): boolean =>
    ofType("bridge.stopped")(event) && event.epoch === (ofEpoch ?? event.epoch);
  const stopped = await topics.saw(isStopped, "bridge.stopped");
  const { epoch, data } = stopped.event;
  for (const [topic, { last }] of Object.entries<Span>(data.topics)) {
    const isLast = (event: TopicEvent["event"], record: TopicEvent): boolean =>
      record.topic === topic && event.epoch === epoch && Number(event.sequence) === last;
    await topics.saw(isLast, `number ${last} of ${topic}`);
  }
  await topics.until(wholeness(topics, epoch), "every number of that epoch");
  return stopped;
}

/** Per epoch and topic all numbers that were given are there, but for those that a bridge.gap names; none is used twice. */
export function expectGapless(events: readonly TopicEvent[]): void {
  expect(events.length).toBeGreaterThan(0);
  const { streams } = ledgerOf(events).report();
  expect(streams.filter(({ counts, reused, pending }) => counts.unannounced + reused + pending > 0)).toEqual(
    [],
  );
}

/** Numbers of each epoch and topic, as they came. */
export function sequences(events: readonly TopicEvent[]): Map<string, number[]> {
  const all = new Map<string, number[]>();
  for (const { topic, event } of events) {
    const name = nameOf(event.epoch, topic);
    const numbers = all.get(name) ?? [];
    all.set(name, numbers);
    numbers.push(Number(event.sequence));
  }
  return all;
}

export const nameOf = (epoch: string, topic: string): string => `${epoch} ${topic}`;

interface Gap {
  readonly epoch: string;
  readonly cause: string;
  readonly journalseq: Span;
  readonly topics: Readonly<Record<string, Span>>;
  readonly count: number | null;
}

export function gapsOf(events: readonly TopicEvent[]): Gap[] {
  return events.filter(({ event }) => ofType("bridge.gap")(event)).map(({ event }) => event.data);
}

/** Within each key of a topic, first appearances stand in the order in which the ops were numbered. */
export function expectInOrder(distinct: readonly TopicEvent[]): void {
  expect(distinct.length).toBeGreaterThan(0);
  const last = new Map<string, TopicEvent>();
  for (const record of distinct) {
    const name = `${record.topic} ${record.key}`;
    const before = last.get(name)?.event.journalseq ?? "";
    expect(record.event.journalseq > before, `${name}: ${record.event.journalseq} after ${before}`).toBe(
      true,
    );
    last.set(name, record);
  }
}

/** Each answer is what these reasons, by user, ask for; whoever has none is allowed. */
export function expectRuled(answers: readonly Answer[], reasons: Readonly<Record<string, string>>): void {
  expect(answers.length).toBeGreaterThan(0);
  const wrong = answers.filter(
    ({ call, refused }) => refused !== ((isRefusable(call) && reasons[call.user]) || null),
  );
  expect(wrong.map(({ call, refused }) => ({ ...call, refused }))).toEqual([]);
}

/** What the events say of each answered op, the last word where one supersedes another, is what was answered. */
export function expectToldAsAnswered(events: readonly TopicEvent[], answers: readonly Answer[]): void {
  const byId = new Map(events.map(({ event }) => [event.id, event]));
  const overriding = new Map(events.map(({ event }) => [event.supersedes, event]));
  const differing = answers.filter(({ call, refused }) => {
    const id = idOf(call);
    const told = overriding.get(id) ?? byId.get(id);
    if (told === undefined) return false;
    return refused === null ? told.decision === "refused" : told.data.decision.reason !== refused;
  });
  expect(differing).toEqual([]);
}
