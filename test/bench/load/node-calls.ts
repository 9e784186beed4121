/** Gives the calls of a call file one after the other, over and over, each with an id and, by pass, a port of its own. */
import { headBytes, noPort } from "./call-file.ts";

export interface PreparedCall {
  /** The whole request. */
  readonly bytes: Buffer;
  readonly id: string;
  readonly op: string;
  readonly body: Buffer;
}

interface Held {
  readonly bytes: Buffer;
  readonly idAt: number;
  readonly portAt: number;
  readonly previous: boolean;
  readonly bodyAt: number;
  readonly op: string;
}

export class CallRow {
  readonly #calls: Held[] = [];
  readonly #run: string;
  readonly #firstPass: number;
  #next = 0;

  constructor(file: Buffer, run: number, firstPass: number) {
    this.#run = (run & 0xffffff).toString(16).padStart(6, "0");
    this.#firstPass = firstPass;
    for (let at = 0; at < file.length; ) {
      const bytes = file.subarray(at + headBytes, at + headBytes + file.readUInt32LE(at));
      this.#calls.push({
        bytes,
        idAt: file.readUInt16LE(at + 4),
        portAt: file.readUInt16LE(at + 6),
        previous: file[at + 8] === 1,
        bodyAt: bytes.indexOf("\r\n\r\n") + 4,
        op: /op=(\w+)/.exec(bytes.toString("latin1", 0, 80))![1]!,
      });
      at += headBytes + bytes.length;
    }
  }

  /** Good until the next pass. */
  take(): PreparedCall {
    const { bytes, idAt, portAt, previous, bodyAt, op } = this.#calls[this.#next % this.#calls.length]!;
    const pass = Math.floor(this.#next / this.#calls.length) + this.#firstPass - (previous ? 1 : 0);
    const id = this.#run + this.#next.toString(16).padStart(10, "0");
    bytes.write(id, idAt, "latin1");
    if (portAt !== noPort) bytes.write(String(10_000 + (pass % 50_000)), portAt, "latin1");
    this.#next++;
    return { bytes, id, op, body: bytes.subarray(bodyAt) };
  }
}
