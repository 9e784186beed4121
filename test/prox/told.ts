/** What journals and topics must hold of what a prox was asked. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { anyEvent } from "../events/strict.ts";
import { readAll, recordsOf } from "../journal/harness.ts";
import type { AnyEvent } from "../sessions/world.ts";
import type { ProxLoad, WebAnswer } from "./load.ts";

/** Events of all slots of a data directory, each slot's in their order. */
export async function eventsIn(dataDir: string): Promise<AnyEvent[]> {
  const slots = readdirSync(dataDir).filter((name) => name.startsWith("prox-"));
  const all = await Promise.all(slots.map((slot) => readAll(join(dataDir, slot))));
  const events = all.flatMap((items) => recordsOf(items)).map(({ event }) => JSON.parse(event));
  for (const event of events) expect(anyEvent.safeParse(event).error).toBeUndefined();
  return events;
}

export function ofHook(events: readonly AnyEvent[], hook: string): AnyEvent[] {
  return events.filter(({ op }) => op === hook);
}

/** Requests that more than one event tells of, or another than was answered; unanswered ones may have one or none. */
function wronglyTold(events: readonly AnyEvent[], load: ProxLoad): object[] {
  const told = Map.groupBy(ofHook(events, "on_request"), ({ data }) => String(data.prox.path));
  const answers = new Map<string, WebAnswer>(load.answers.map((answer) => [answer.path, answer]));
  const unsure = new Set(load.unanswered.map(({ path }) => path));
  const phantom = [...told.keys()].filter((path) => !answers.has(path) && !unsure.has(path));
  const repeated = [...told].filter(([, own]) => own.length > 1).map(([path]) => path);
  const differing = load.answers.filter(({ path, status, body }) => {
    const [event] = told.get(path) ?? [];
    // 500 is prox's own answer: it never got ours, or not in time.
    if (status === 500) return false;
    if (status === 403) return event?.decision !== "refused" || `${event.data.decision.reason}\n` !== body;
    return event?.decision !== "allowed";
  });
  return [
    ...phantom.map((path) => ({ phantom: path })),
    ...repeated.map((path) => ({ repeated: path })),
    ...differing,
  ];
}

/** Every request that was answered, and every connection, is told of exactly once and as it was answered. */
export function expectToldOnce(events: readonly AnyEvent[], load: ProxLoad): void {
  expect(load.answers.length).toBeGreaterThan(0);
  expect(wronglyTold(events, load)).toEqual([]);
  // A port can come again.
  const connections = ofHook(events, "on_connect").map(({ decision, data: { prox, remote } }) =>
    textOf(prox.domain, `${remote.ip}:${remote.port}`, decision === "allowed"),
  );
  const answered = load.passes.map(({ domain, address, passed }) => textOf(domain, address, passed));
  expect(connections.sort()).toEqual(answered.sort());
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
