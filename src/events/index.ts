/**
 * `sluice/events`: the contract for those who read the topics. Starts nothing, and needs nothing but zod.
 *
 *   const parsed = parseEvent(record);
 *   if (parsed.ok && parsed.event.type === "sluice.session.ended") use(parsed.event.data.durationMs);
 */
export {
  type EndReason,
  endReasons,
  type LoginConfirmed,
  type OpData,
  type Pairing,
  type SessionEnded,
} from "./data.ts";
export { type EventRecord, type Parsed, parseEvent, type Unparsed, unparsedReasons } from "./parse.ts";
export type { Cell, ConnectRow, ConnectSchema } from "./projections/columns.ts";
export { type EcsEvent, toEcs } from "./projections/ecs.ts";
export { toFlat } from "./projections/flat.ts";
export { toFlatSession } from "./projections/flat-sessions.ts";
export { type ProjectionName, projectionNames } from "./projections/names.ts";
export { type OcsfEvent, toOcsf } from "./projections/ocsf.ts";
export {
  type EventData,
  type EventOf,
  type EventType,
  eventSchemas,
  type SluiceEvent,
  topicOf,
} from "./schema.ts";
export { type Stream, streams, topics } from "./streams.ts";
