/**
 * One row a session, keyed by `session_id`: its start makes it, its end overwrites it with a row that says all that the
 * start said. In the order of the topic the last row is the right one; where rows come in another order, as when a part
 * of a topic is read again, the highest `state_rank` is.
 */
import type { SluiceEvent } from "../schema.ts";
import { always, type Columns, type ConnectRow, payloadOf, schemaOf, text, time } from "./columns.ts";
import { type Facts, factsOf } from "./facts.ts";
import { common, origin } from "./flat.ts";

const states = {
  /** prox never says that one has ended. */
  admitted: 0,
  open: 0,
  ended_inferred: 1,
  ended: 2,
} as const;

function stateOf({ type, endInferred }: Facts): keyof typeof states {
  if (type === "session.admitted") return "admitted";
  if (type === "session.started") return "open";
  return endInferred ? "ended_inferred" : "ended";
}

const columns: Columns<Facts> = {
  session_id: always(text((f) => f.sessionId)),
  session_key: always(text((f) => f.sessionKey ?? f.key)),
  state: always(text(stateOf)),
  state_rank: always({ type: "small", of: (f: Facts) => states[stateOf(f)] }),
  ...common,
  duration_clock: text((f) => f.durationClock),
  not_ended_before: time((f) => f.notBeforeMs),
  not_ended_after: time((f) => f.notAfterMs),
  event_id: always(text((f) => f.id)),
  event_time: always(time((f) => f.timeMs)),
  ...origin,
};

export const flatSessionSchema = schemaOf("sluice.flat-sessions", 1, columns);

/** The others make no row: a refused one never was a session, and of a close its end tells all. */
const sessionTypes: ReadonlySet<string> = new Set<SluiceEvent["type"]>([
  "sluice.session.started",
  "sluice.session.admitted",
  "sluice.session.ended",
]);

/** Whether events of this type make a row. */
export function isSessionType(type: string): boolean {
  return sessionTypes.has(type);
}

/** Null where the event makes no row. @throws of a type that this release does not know */
export function toFlatSession(event: SluiceEvent): ConnectRow | null {
  const facts = factsOf(event);
  if (!isSessionType(event.type) || facts.sessionId === null) return null;
  return { schema: flatSessionSchema, payload: payloadOf(columns, facts) };
}
