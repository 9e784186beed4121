/** RFC 5425's octet counting: `MSG-LEN SP SYSLOG-MSG`, over and over. */

const mostDigits = 10;
const space = 0x20;

/** Gives each whole frame to `take`, whatever pieces the bytes come in. @throws of what is no MSG-LEN */
export class OctetCounted {
  readonly #take: (frame: Buffer) => void;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #wanted = 0;

  constructor(take: (frame: Buffer) => void) {
    this.#take = take;
  }

  add(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    if (this.#bytes < this.#wanted) return;
    let rest = Buffer.concat(this.#pieces);
    for (;;) {
      const frame = firstIn(rest);
      if (frame === undefined || frame.end > rest.length) {
        this.#pieces = [rest];
        this.#bytes = rest.length;
        this.#wanted = frame?.end ?? 0;
        return;
      }
      this.#take(rest.subarray(frame.begin, frame.end));
      rest = rest.subarray(frame.end);
    }
  }
}

function firstIn(bytes: Buffer): { begin: number; end: number } | undefined {
  const at = bytes.subarray(0, mostDigits + 1).indexOf(space);
  const digits = bytes.toString("latin1", 0, at < 0 ? mostDigits + 1 : at);
  if (at < 0 && /^(?:[1-9]\d*)?$/.test(digits) && digits.length <= mostDigits) return undefined;
  if (at < 0 || !/^[1-9]\d*$/.test(digits)) throw new Error(`no MSG-LEN: ${JSON.stringify(digits)}`);
  return { begin: at + 1, end: at + 1 + Number(digits) };
}
