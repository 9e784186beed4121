/** What journals and topics must hold of what a prox was asked. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import { anyEvent } from "../events/strict.ts";
import { JournalEvents } from "../hosts/journal-events.ts";
import { readAll, recordsOf } from "../journal/harness.ts";
import type { AnyEvent } from "../sessions/world.ts";
import { isRight, isRightPass, type ProxLoad } from "./load.ts";

const lookEveryMs = 20;

/** Events of all slots of a data directory, each slot's in their order. */
export async function eventsIn(dataDir: string): Promise<AnyEvent[]> {
  const slots = readdirSync(dataDir).filter((name) => name.startsWith("prox-"));
  const all = await Promise.all(slots.map((slot) => readAll(join(dataDir, slot))));
  const events = all.flatMap((items) => recordsOf(items)).map(({ event }) => JSON.parse(event));
  for (const event of events) expect(anyEvent.safeParse(event).error).toBeUndefined();
  return events;
}

/** The same, once so many processes have closed their journals at their end. */
export async function allStopped(dataDir: string, processes: number): Promise<AnyEvent[]> {
  for (;;) {
    const events = await eventsIn(dataDir);
    const stopped = events.filter(({ type }) => type === "sluice.bridge.stopped");
    if (stopped.length >= processes) return events;
    await pause(lookEveryMs);
  }
}

/** Waits in a slot for the ends of all requests that were let through, but for those that prox dropped. */
export async function endsCame(slot: string, load: ProxLoad, dropped = 0): Promise<void> {
  const ended = load.allowed.length - dropped;
  await using journal = await JournalEvents.read(slot);
  const all = (event: AnyEvent): boolean =>
    event === journal.events.at(-1) && ofHook(journal.events, "on_disconnect").length >= ended;
  await journal.saw(all, `${ended} ends`);
}

export function ofHook(events: readonly AnyEvent[], hook: string): AnyEvent[] {
  return events.filter(({ op }) => op === hook);
}

/** Requests that more than one event tells of, or another than was answered; unanswered ones may have one or none. */
function wronglyTold(
  events: readonly AnyEvent[],
  loads: readonly ProxLoad[],
  without: readonly Span[],
): object[] {
  const told = Map.groupBy(ofHook(events, "on_request"), ({ data }) => String(data.prox.path));
  const asked = new Set(
    loads.flatMap(({ answers, unanswered }) => [...answers, ...unanswered].map(({ path }) => path)),
  );
  const phantoms = [...told.keys()].filter((path) => !asked.has(path));
  const repeated = [...told].filter(([, own]) => own.length > 1);
  const answers = loads.flatMap((load) => load.answers);
  const differing = answers.filter((answer) => {
    const [event] = told.get(answer.path) ?? [];
    // A refusal with its reason is the plugin's own word, whenever it was given.
    if (answer.status === 403)
      return event?.decision !== "refused" || `${event.data.decision.reason}\n` !== answer.body;
    if (during(without, answer) && (event === undefined || answer.status === 500)) return false;
    return event?.decision !== "allowed";
  });
  return [...phantoms.map((phantom) => ({ phantom })), ...repeated.map(([path]) => ({ path })), ...differing];
}

/**
 * Every request that was answered, and every connection, is told of exactly once and as it was answered.
 * @param without when prox had no plugin that it could ask
 */
export function expectToldOnce(
  events: readonly AnyEvent[],
  loads: readonly ProxLoad[],
  without: readonly Span[] = [],
): void {
  for (const { answers } of loads) expect(answers.length).toBeGreaterThan(0);
  expect(wronglyTold(events, loads, without)).toEqual([]);
  // A port can come again.
  const connections = ofHook(events, "on_connect").map(({ decision, data: { prox, remote } }) =>
    textOf(prox.domain, `${remote.ip}:${remote.port}`, decision === "allowed"),
  );
  const answered = loads
    .flatMap(({ passes }) => passes)
    .filter((pass) => !during(without, pass))
    .map(({ domain, address, passed }) => textOf(domain, address, passed));
  if (without.length === 0) expect(connections.sort()).toEqual(answered.sort());
  else expect(answered.filter((text) => !connections.includes(text))).toEqual([]);
}

/** Every answer is the one that the rules ask for, but while prox had no plugin that it could ask. */
export function expectRuled(load: ProxLoad, without: readonly Span[] = []): void {
  const wrong = load.answers.filter((answer) => !isRight(answer) && !during(without, answer));
  const wrongPasses = load.passes.filter((pass) => !isRightPass(pass) && !during(without, pass));
  expect([wrong, wrongPasses]).toEqual([[], []]);
  expect(load.unanswered.filter((failed) => !during(without, failed))).toEqual([]);
}

/** By performance.now(). */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

function during(spans: readonly Span[], { sentMs, atMs }: { sentMs: number; atMs: number }): boolean {
  return spans.some(({ fromMs, toMs }) => atMs >= fromMs && sentMs <= toMs);
}

function textOf(domain: string, address: string, passed: boolean): string {
  return `${domain} ${address} ${passed ? "passed" : "refused"}`;
}

/** A response and an end are one request's each, and never another's that has one already. */
export function expectPairedOnce(events: readonly AnyEvent[]): void {
  const requests = new Map(ofHook(events, "on_request").map((event) => [event.id, event]));
  for (const hook of ["on_response", "on_disconnect"]) {
    const own = ofHook(events, hook);
    const ids = own.flatMap(({ data }) => data.request.id ?? []);
    expect(new Set(ids).size, hook).toBe(ids.length);
    const strangers = ids.filter((id) => requests.get(id)?.decision !== "allowed");
    expect(strangers, hook).toEqual([]);
  }
}
