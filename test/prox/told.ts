/** What journals and topics must hold of what a prox was asked. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import { anyEvent } from "../events/strict.ts";
import { readAll, recordsOf } from "../journal/harness.ts";
import type { AnyEvent } from "../sessions/world.ts";
import { isRight, isRightPass, type ProxLoad, type WebAnswer } from "./load.ts";

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

export function ofHook(events: readonly AnyEvent[], hook: string): AnyEvent[] {
  return events.filter(({ op }) => op === hook);
}

/** Requests that more than one event tells of, or another than was answered; unanswered ones may have one or none. */
function wronglyTold(events: readonly AnyEvent[], load: ProxLoad, without: readonly Span[]): object[] {
  const told = Map.groupBy(ofHook(events, "on_request"), ({ data }) => String(data.prox.path));
  const answers = new Map<string, WebAnswer>(load.answers.map((answer) => [answer.path, answer]));
  const unsure = new Set(load.unanswered.map(({ path }) => path));
  const phantoms = [...told.keys()].filter((path) => !answers.has(path) && !unsure.has(path));
  const repeated = [...told].filter(([, own]) => own.length > 1);
  const differing = load.answers.filter((answer) => {
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
  load: ProxLoad,
  without: readonly Span[] = [],
): void {
  expect(load.answers.length).toBeGreaterThan(0);
  expect(wronglyTold(events, load, without)).toEqual([]);
  // A port can come again.
  const connections = ofHook(events, "on_connect").map(({ decision, data: { prox, remote } }) =>
    textOf(prox.domain, `${remote.ip}:${remote.port}`, decision === "allowed"),
  );
  const answered = load.passes
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
