/** Events as tests make them from what a real frps and a real prox said, and what their readers get of them. */
import { type SluiceEvent, toEcs, toFlat, toFlatSession, toOcsf } from "../../src/events/index.ts";
import { parseOp } from "../../src/frp/wire.ts";
import { published } from "../events/published.ts";
import { frpCalls } from "../fixtures.ts";
import { World } from "../sessions/world.ts";

/** One event of each type at least, and one of every call that was recorded; the same at each call. */
export function exampleEvents(): SluiceEvent[] {
  const world = new World();
  for (const { file, rawBody, reqid } of frpCalls) {
    const parsed = parseOp(Buffer.from(rawBody), {
      node: "edge-1",
      reqid,
      subdomainHost: undefined,
      atMs: world.clock.now(),
    });
    if (!parsed.ok) throw new Error(`${file}: ${parsed.reason}`);
    world.ask(parsed.op);
  }
  return [...world.journal, ...published()].map((json) => JSON.parse(json));
}

/** What stands on the topics of an event, by the name of its message in the contract. */
export function recordsOf(event: SluiceEvent): (readonly [name: string, value: unknown])[] {
  const session = toFlatSession(event);
  return [
    [event.type.slice("sluice.".length), event],
    ["ocsf", toOcsf(event)],
    ["ecs", toEcs(event)],
    ["flat", toFlat(event)],
    ...(session === null ? [] : [["flat-sessions", session] as const]),
  ];
}

/** Of each message the fullest. */
export function fullestExamples(): Map<string, unknown> {
  const fullest = new Map<string, unknown>();
  for (const [name, value] of exampleEvents().flatMap(recordsOf)) {
    const length = JSON.stringify(value).length;
    if (length > (JSON.stringify(fullest.get(name))?.length ?? 0)) fullest.set(name, value);
  }
  return fullest;
}
