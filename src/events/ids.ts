/** Ids that are the same for the same thing, so that a repetition is harmless. */
import { hash } from "node:crypto";
import { v7 as uuidV7 } from "uuid";

/** Sluice's own namespace for UUIDv5; a random UUID, fixed for ever. */
const namespace = Buffer.from("5d1f0a528f0e4c559a582f6f0c1b7a41", "hex");
const digits = Buffer.from("0123456789abcdef");
const uuid = Buffer.alloc(36);
/** The namespace, and room for a name: three bytes at most for each of its units. */
const named = Buffer.alloc(4096);
namespace.copy(named);
const longestName = Math.floor((named.length - namespace.length) / 3);

/**
 * RFC 9562 version 5. Written here because it stands on the path of every op: the library's takes four times
 * as long (test/bench/RESULTS.md) and throws on a lone surrogate, which a stranger's JSON may hold. Made as one piece
 * in a buffer: joined pieces take twice as long, and hold seven times the memory for as long as the id is kept.
 */
function uuidV5(name: string): string {
  const bytes =
    name.length > longestName
      ? Buffer.concat([namespace, Buffer.from(name)])
      : named.subarray(0, namespace.length + named.write(name, namespace.length));
  const digest = hash("sha1", bytes, "binary");
  for (let at = 0, to = 0; at < 16; at++) {
    const byte = digest.charCodeAt(at);
    const marked = at === 6 ? (byte & 15) | 0x50 : at === 8 ? (byte & 63) | 0x80 : byte;
    if (at === 4 || at === 6 || at === 8 || at === 10) uuid[to++] = 0x2d;
    uuid[to++] = digits[marked >> 4]!;
    uuid[to++] = digits[marked & 15]!;
  }
  return uuid.toString("latin1");
}

/** New, ordered by time: for what the wire gives no id. */
export function newId(): string {
  return uuidV7();
}

/** The same call twice is the same event: frps gives every call an id of its own, a retry a new one. */
export function opId(node: string, reqid: string, op: string): string {
  return uuidV5(`op\n${node}\n${reqid}\n${op}`);
}

/** The event that takes the place of another one. */
export function overriddenId(id: string): string {
  return uuidV5(`overridden\n${id}`);
}

/** The end of a session: derived twice it is one; one that was announced is another than one that was inferred. */
export function endId(session: string, inferred: boolean): string {
  return uuidV5(`${inferred ? "inferred" : "ended"}\n${session}`);
}

/** @param op the event id of the op that confirms the login */
export function confirmedId(op: string): string {
  return uuidV5(`confirmed\n${op}`);
}

/** What NewUserConn and CloseUserConn of one connection have in common, and nothing else gives. */
export function sessionKey(node: string, client: string, proxy: string, remote: string): string {
  return uuidV5(`session\n${node}\n${client}\n${proxy}\n${remote}`);
}

/** Each op names its client, twice, and most by the same few thousand. What stays in memory are twice as many at most. */
const mostClients = 4096;
const longestRunId = 64;
let clients = new Map<string, string>();
let clientsBefore = new Map<string, string>();

/**
 * The public name of a client. The run id itself admits work connections (frp server/service.go,
 * RegisterWorkConn), so it never leaves the process.
 */
export function clientId(runId: string): string {
  const known = clients.get(runId) ?? clientsBefore.get(runId);
  if (known !== undefined) return known;
  const id = `c_${hash("sha256", runId, "hex").slice(0, 16)}`;
  if (runId.length > longestRunId) return id;
  clients.set(runId, id);
  if (clients.size === mostClients) [clientsBefore, clients] = [clients, new Map()];
  return id;
}

/** Kafka keys are kept short; a longer one becomes its hash. An empty one becomes `instead`. */
export function recordKey(key: string, instead: string): string {
  const whole = key === "" ? instead : key;
  // No character takes more than 3 bytes per UTF-16 unit, so short text needs no counting.
  const long = whole.length > 85 && Buffer.byteLength(whole) > 256;
  return long ? hash("sha256", whole, "hex") : whole;
}
