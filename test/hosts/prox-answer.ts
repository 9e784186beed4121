/**
 * A plugin's answers as prox reads them: fields by name, unknown ones skipped, what follows the first object
 * ignored. A value of another kind than prox expects is an error; nil stands for nothing, also for a whole answer.
 */

export interface SpeedLimit {
  downloadMbps: number;
  uploadMbps: number;
  groupKey: string;
}

export interface Verdict {
  allow: boolean;
  drop: boolean;
  fallback: boolean;
  status: number;
  body: string;
  headers: Map<string, string>;
  speed: SpeedLimit | undefined;
  cleanQuery: boolean;
  rewritePath: string;
}

export interface ResponseChange {
  status: number;
  headers: Map<string, string>;
  remove: string[];
}

export function verdictOf(answer: Buffer): Verdict {
  const fields = fieldsOf(answer, ["ok", "dr", "fb", "s", "b", "h", "sp", "cq", "rp"]);
  const speed = fields.get("sp");
  return {
    allow: truth(fields.get("ok")),
    drop: truth(fields.get("dr")),
    fallback: truth(fields.get("fb")),
    status: whole(fields.get("s")),
    body: text(fields.get("b")),
    headers: texts(fields.get("h")),
    speed:
      speed === undefined || speed.kind === "nil" ? undefined : speedOf(mapOf(speed, ["dl", "ul", "gk"])),
    cleanQuery: truth(fields.get("cq")),
    rewritePath: text(fields.get("rp")),
  };
}

export function responseChangeOf(answer: Buffer): ResponseChange {
  const fields = fieldsOf(answer, ["s", "h", "rm"]);
  return { status: whole(fields.get("s")), headers: texts(fields.get("h")), remove: list(fields.get("rm")) };
}

export function connectAllowed(answer: Buffer): boolean {
  return truth(fieldsOf(answer, ["ok"]).get("ok"));
}

type Item =
  | { kind: "nil" }
  | { kind: "bool"; value: boolean }
  | { kind: "int" | "float"; value: number }
  | { kind: "text"; value: Buffer }
  | { kind: "list"; value: Item[] }
  | { kind: "map"; value: [Item, Item][] }
  | { kind: "extension" };

function fieldsOf(answer: Buffer, names: readonly string[]): Map<string, Item> {
  return mapOf(new Reader(answer).item(), names);
}

/** An array stands for a map when it is empty or has a value for each of `names`. */
function mapOf(item: Item, names: readonly string[] = []): Map<string, Item> {
  if (item.kind === "nil" || (item.kind === "list" && item.value.length === 0)) return new Map();
  if (item.kind === "list" && item.value.length === names.length)
    return new Map(item.value.map((value, at) => [names[at] ?? "", value]));
  if (item.kind !== "map") throw new TypeError(`a ${item.kind} where a map was expected`);
  return new Map(item.value.map(([key, value]) => [text(key), value]));
}

function truth(item: Item = { kind: "nil" }): boolean {
  if (item.kind === "nil") return false;
  if (item.kind !== "bool") throw new TypeError(`a ${item.kind} where a bool was expected`);
  return item.value;
}

function whole(item: Item = { kind: "nil" }): number {
  if (item.kind === "nil") return 0;
  if (item.kind !== "int") throw new TypeError(`a ${item.kind} where an int was expected`);
  return item.value;
}

function decimal(item: Item = { kind: "nil" }): number {
  return item.kind === "float" ? item.value : whole(item);
}

function text(item: Item = { kind: "nil" }): string {
  if (item.kind === "nil") return "";
  if (item.kind !== "text") throw new TypeError(`a ${item.kind} where a string was expected`);
  return item.value.toString();
}

function texts(item: Item = { kind: "nil" }): Map<string, string> {
  return new Map([...mapOf(item)].map(([key, value]) => [key, text(value)]));
}

function list(item: Item = { kind: "nil" }): string[] {
  if (item.kind === "nil") return [];
  if (item.kind !== "list") throw new TypeError(`a ${item.kind} where an array was expected`);
  return item.value.map((entry) => text(entry));
}

function speedOf(fields: Map<string, Item>): SpeedLimit {
  const [downloadMbps, uploadMbps] = [decimal(fields.get("dl")), decimal(fields.get("ul"))];
  return { downloadMbps, uploadMbps, groupKey: text(fields.get("gk")) };
}

/** Reads msgpack; running out of bytes throws a RangeError. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  item(): Item {
    const code = this.#uint(1);
    if (code < 0x80) return { kind: "int", value: code };
    if (code < 0x90) return this.#map(code & 0x0f);
    if (code < 0xa0) return this.#list(code & 0x0f);
    if (code < 0xc0) return this.#text(code & 0x1f);
    if (code >= 0xe0) return { kind: "int", value: code - 0x1_00 };
    return this.#long(code);
  }

  #long(code: number): Item {
    if (code === 0xc0) return { kind: "nil" };
    if (code === 0xc2 || code === 0xc3) return { kind: "bool", value: code === 0xc3 };
    if (code >= 0xc4 && code <= 0xc6) return this.#text(this.#uint(2 ** (code - 0xc4)));
    if (code >= 0xc7 && code <= 0xc9) return this.#extension(this.#uint(2 ** (code - 0xc7)));
    if (code >= 0xd4 && code <= 0xd8) return this.#extension(2 ** (code - 0xd4));
    if (code === 0xca) return { kind: "float", value: this.#take(4).readFloatBE() };
    if (code === 0xcb) return { kind: "float", value: this.#take(8).readDoubleBE() };
    if (code >= 0xcc && code <= 0xcf) return { kind: "int", value: this.#uint(2 ** (code - 0xcc)) };
    if (code >= 0xd0 && code <= 0xd3) return { kind: "int", value: this.#int(2 ** (code - 0xd0)) };
    if (code >= 0xd9 && code <= 0xdb) return this.#text(this.#uint(2 ** (code - 0xd9)));
    if (code === 0xdc || code === 0xdd) return this.#list(this.#uint(2 ** (code - 0xdb)));
    if (code === 0xde || code === 0xdf) return this.#map(this.#uint(2 ** (code - 0xdd)));
    throw new TypeError(`unknown code ${code.toString(16)}`);
  }

  #map(count: number): Item {
    return { kind: "map", value: Array.from({ length: count }, () => [this.item(), this.item()]) };
  }

  #list(count: number): Item {
    return { kind: "list", value: Array.from({ length: count }, () => this.item()) };
  }

  /** Its type is one byte more. */
  #extension(length: number): Item {
    this.#take(1 + length);
    return { kind: "extension" };
  }

  #text(length: number): Item {
    return { kind: "text", value: this.#take(length) };
  }

  #uint(length: number): number {
    const bytes = this.#take(length);
    return length === 8 ? Number(bytes.readBigUInt64BE()) : bytes.readUIntBE(0, length);
  }

  #int(length: number): number {
    const bytes = this.#take(length);
    return length === 8 ? Number(bytes.readBigInt64BE()) : bytes.readIntBE(0, length);
  }

  #take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw new RangeError("unexpected end of the answer");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}
