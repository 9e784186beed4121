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
export {
  type EventData,
  type EventOf,
  type EventType,
  eventSchemas,
  type SluiceEvent,
  topicOf,
} from "./schema.ts";
export { type Stream, streams, topics } from "./streams.ts";
