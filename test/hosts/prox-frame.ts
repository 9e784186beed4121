/**
 * Frames as prox writes them, byte for byte: the encoder of Go's vmihailenco/msgpack writes an int64 always with
 * eight bytes, a hook's number always as `cc NN`, and leaves out what is empty where prox says so.
 */
import { Encoder } from "@msgpack/msgpack";

/** One for all: each of its own would take longer than its frame. */
const encoder = new Encoder();

export const HOOKS = ["on_request", "on_response", "on_connect", "on_disconnect"] as const;
export type Hook = (typeof HOOKS)[number];

/** A Go int64; plain numbers are Go ints, which take as few bytes as they need. */
class Int64 {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

type Fields = readonly (readonly [key: string, value: Value])[];
type Value = string | number | Int64 | Uint8Array | Fields;

/** An HTTP request as on_request tells it. */
export interface RequestInfo {
  route: string;
  method: string;
  path: string;
  query: string;
  domain: string;
  host: string;
  proto: string;
  remote: string;
  /** -1 when it isn't known before the end. */
  contentLength: number;
  headers: readonly (readonly [string, string])[];
  body: Uint8Array;
  matchedDomain: string;
  matchedGlob: string;
  matchedPath: string;
  vars: Readonly<Record<string, string>>;
  target: string;
}

export interface ResponseInfo {
  status: number;
  headers: readonly (readonly [string, string])[];
}

export interface ConnectInfo {
  route: string;
  domain: string;
  remote: string;
  matchedDomain: string;
  matchedGlob: string;
}

export interface DisconnectInfo {
  route: string;
  target: string;
  remote: string;
  receivedBytes: number;
  sentBytes: number;
  durationMs: number;
}

/** Go's maps have no order: what comes here is written in the order that `order` gives. */
export type Order = <T>(entries: readonly T[]) => readonly T[];

export function requestFrame(info: RequestInfo, order: Order): Buffer {
  return frame("on_request", requestFields(info, order));
}

export function responseFrame(info: RequestInfo, { status, headers }: ResponseInfo, order: Order): Buffer {
  const resp: Fields = [
    ["s", status],
    ["h", order(headers)],
  ];
  return frame("on_response", [
    ["req", requestFields(info, order)],
    ["resp", resp],
  ]);
}

export function connectFrame(info: ConnectInfo): Buffer {
  return frame("on_connect", [
    ["r", info.route],
    ["d", info.domain],
    ["a", info.remote],
    ...ifAny("md", info.matchedDomain),
    ...ifAny("mg", info.matchedGlob),
  ]);
}

export function disconnectFrame(info: DisconnectInfo): Buffer {
  return frame("on_disconnect", [
    ["r", info.route],
    ...ifAny("tg", info.target),
    ["a", info.remote],
    ["rx", new Int64(info.receivedBytes)],
    ["tx", new Int64(info.sentBytes)],
    ["ms", new Int64(info.durationMs)],
  ]);
}

function requestFields(info: RequestInfo, order: Order): Fields {
  const vars = Object.entries(info.vars);
  return [
    ["r", info.route],
    ["m", info.method],
    ["p", info.path],
    ...ifAny("q", info.query),
    ["d", info.domain],
    ...ifAny("ho", info.host),
    ...ifAny("pr", info.proto),
    ["a", info.remote],
    ...(info.contentLength === 0 ? [] : [["cl", new Int64(info.contentLength)] as const]),
    ["h", order(info.headers)],
    ...(info.body.length === 0 ? [] : [["bd", info.body] as const]),
    ...ifAny("md", info.matchedDomain),
    ...ifAny("mg", info.matchedGlob),
    ...ifAny("mp", info.matchedPath),
    ...(vars.length === 0 ? [] : [["v", order(vars)] as const]),
    ...ifAny("tg", info.target),
  ];
}

function ifAny(key: string, value: string): Fields {
  return value === "" ? [] : [[key, value]];
}

/** The envelope, without the length before it. */
function frame(hook: Hook, fields: Fields): Buffer {
  const head = Buffer.from([0x82, 0xa1, 0x74, 0xcc, HOOKS.indexOf(hook) + 1, 0xa1, 0x64]);
  return Buffer.concat([head, encoder.encode(bytesOf(fields))]);
}

function bytesOf(value: Value): Uint8Array {
  if (value instanceof Int64) {
    const bytes = Buffer.alloc(9, 0xd3);
    bytes.writeBigInt64BE(BigInt(value.value), 1);
    return bytes;
  }
  if (typeof value !== "object" || value instanceof Uint8Array) return encoder.encode(value);
  return Buffer.concat([
    mapHead(value.length),
    ...value.flatMap(([key, inner]) => [encoder.encode(key), bytesOf(inner)]),
  ]);
}

function mapHead(count: number): Buffer {
  if (count < 16) return Buffer.from([0x80 | count]);
  if (count < 0x1_00_00) return Buffer.from([0xde, count >> 8, count & 0xff]);
  const head = Buffer.alloc(5, 0xdf);
  head.writeUInt32BE(count, 1);
  return head;
}
