/**
 * Reads msgpack as prox writes it. What is in it comes from strangers: names of headers, paths, whole bodies.
 *
 * The library's reader would not do: a header named `__proto__` ends it, so that an upstream could keep its responses
 * from being seen; it takes overlong UTF-8, so that two texts which prox tells apart would be one here; and it makes
 * room for as many items as an array says that it has.
 */

const deepest = 32;

/** What is no msgpack, or goes deeper than anything that prox sends. */
export class NotMsgpack extends Error {}

/**
 * One value, which must fill all of `bytes`. Maps become plain objects, integers of any width numbers, binary and
 * extensions views of `bytes`; bytes of a text that are no UTF-8 become U+FFFD.
 *
 * @throws NotMsgpack
 */
export function decode(bytes: Uint8Array): unknown {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  if (reader.left > 0) throw new NotMsgpack("something follows the value");
  return value;
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  value(depth: number): unknown {
    const head = this.#uint(1);
    if (head < 0x80) return head;
    if (head < 0x90) return this.#map(head & 0x0f, depth);
    if (head < 0xa0) return this.#array(head & 0x0f, depth);
    if (head < 0xc0) return this.#text(head & 0x1f);
    if (head >= 0xe0) return head - 0x100;
    switch (head) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#take(this.#uint(1 << (head - 0xc4)));
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#extension(this.#uint(1 << (head - 0xc7)));
      case 0xca:
        return this.#take(4).readFloatBE();
      case 0xcb:
        return this.#take(8).readDoubleBE();
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#uint(1 << (head - 0xcc));
      case 0xcf:
        return Number(this.#take(8).readBigUInt64BE());
      case 0xd0:
      case 0xd1:
      case 0xd2: {
        const size = 1 << (head - 0xd0);
        return this.#take(size).readIntBE(0, size);
      }
      case 0xd3:
        return Number(this.#take(8).readBigInt64BE());
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (head - 0xd4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#uint(1 << (head - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#uint(2 << (head - 0xdc)), depth);
      case 0xde:
      case 0xdf:
        return this.#map(this.#uint(2 << (head - 0xde)), depth);
      default:
        throw new NotMsgpack("0xc1 begins nothing");
    }
  }

  #map(size: number, depth: number): Record<string, unknown> {
    if (depth >= deepest) throw new NotMsgpack("too deep");
    const map: Record<string, unknown> = {};
    for (let n = 0; n < size; n++) {
      const key = this.value(deepest);
      if (typeof key !== "string" && typeof key !== "number") throw new NotMsgpack("a key is no text");
      const value = this.value(depth + 1);
      if (key !== "__proto__") map[key] = value;
      else Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
    }
    return map;
  }

  /** Grows with what is there: its length may promise more. */
  #array(size: number, depth: number): unknown[] {
    if (depth >= deepest) throw new NotMsgpack("too deep");
    const array: unknown[] = [];
    for (let n = 0; n < size; n++) array.push(this.value(depth + 1));
    return array;
  }

  #text(size: number): string {
    const from = this.#at;
    this.#pass(size);
    return this.#bytes.toString("utf8", from, this.#at);
  }

  /** Its type is left out: prox sends none. */
  #extension(size: number): Buffer {
    this.#pass(1);
    return this.#take(size);
  }

  #uint(size: number): number {
    const from = this.#at;
    this.#pass(size);
    return this.#bytes.readUIntBE(from, size);
  }

  #take(size: number): Buffer {
    const from = this.#at;
    this.#pass(size);
    return this.#bytes.subarray(from, this.#at);
  }

  #pass(size: number): void {
    if (size > this.left) throw new NotMsgpack("it ends too early");
    this.#at += size;
  }
}
